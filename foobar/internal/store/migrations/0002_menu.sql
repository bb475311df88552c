-- The opening menu. Tap water is drink 1 and practically endless: it is what load generators order.

INSERT INTO drinks (id, slug, name, section, about, price_cents, initial_stock, stock) VALUES
  ( 1, 'tap-water',   'Tap Water',              'No alcohol', 'Cold, clear, never cached. On the house, always.',                             0, 10000000, 10000000),
  ( 2, 'old-fashioned', 'Old-Fashioned Commit', 'Cocktails',  'Bourbon, demerara, two dashes of bitters. History, never rewritten.',       1250,     4800,     4800),
  ( 3, 'null-pointer', 'Null Pointer',          'Cocktails',  'Gin, bitter aperitivo, red vermouth. Points at the bottom of the glass.',   1150,     4800,     4800),
  ( 4, 'stormy-deploy', 'Dark & Stormy Deploy', 'Cocktails',  'Dark rum, ginger beer, lime. Best before Friday.',                          1100,     4800,     4800),
  ( 5, 'failover',    'Espresso Failover',      'Cocktails',  'Vodka, coffee liqueur, espresso. The primary is down; this gets you up.',   1200,     3600,     3600),
  ( 6, 'merge-spritz', 'Merge Spritz',          'Cocktails',  'Aperitivo, prosecco, soda, orange. Two branches, no conflicts.',            1000,     6000,     6000),
  ( 7, 'green-build', 'Green Build',            'Cocktails',  'Gin, basil, lemon, a little sugar. Passes every time.',                     1150,     3600,     3600),
  ( 8, 'lager',       'Foobar Lager',           'On tap',     'Our own. Forty days in the cold, four minutes in the glass.',                520,    24000,    24000),
  ( 9, 'pale-ale',    'Off-by-One Pale Ale',    'On tap',     'Citrus, pine, and exactly one hop too many.',                                580,    18000,    18000),
  (10, 'stout',       'Graceful Stout',         'On tap',     'A slow pour that finishes cleanly. Never cut off.',                          620,    12000,    12000),
  (11, 'rubber-duck', 'Rubber Duck',            'No alcohol', 'Passion fruit, lemon, soda, a head of foam. Listens to everything.',         750,     3600,     3600),
  (12, 'cold-start',  'Cold Start',             'No alcohol', 'Cold brew over tonic with a slice of grapefruit. Slow to warm up to.',       650,     3600,     3600);

INSERT INTO stock_ledger (drink_id, order_id, glasses, at)
  SELECT id, NULL, initial_stock, UTC_TIMESTAMP(3) FROM drinks;
