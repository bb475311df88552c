-- More waters, as endless as the tap's. An order locks the row of its drink until it is on disk on a majority of servers, so a
-- bar whose guests all order the same glass serves them one after the other: load is spread over these and drink 1.

INSERT INTO drinks (id, slug, name, section, about, price_cents, initial_stock, stock) VALUES
  (13, 'still-water',      'Still Water',       'No alcohol', 'Nothing moves. Not even the 99th percentile.',          0, 10000000, 10000000),
  (14, 'sparkling-water',  'Sparkling Water',   'No alcohol', 'All the bubbles, none of the bursts.',                  0, 10000000, 10000000),
  (15, 'ice-water',        'Ice Water',         'No alcohol', 'Frozen on purpose. Thaws without losing an order.',     0, 10000000, 10000000),
  (16, 'mint-water',       'Mint Water',        'No alcohol', 'Fresh: never served from a stale replica.',             0, 10000000, 10000000),
  (17, 'lemon-water',      'Lemon Water',       'No alcohol', 'A slice on the edge. The edge terminates it.',          0, 10000000, 10000000),
  (18, 'ginger-water',     'Ginger Water',      'No alcohol', 'Warms up the cache.',                                   0, 10000000, 10000000),
  (19, 'berry-water',      'Berry Water',       'No alcohol', 'Red, and nothing is down.',                             0, 10000000, 10000000);

INSERT INTO stock_ledger (drink_id, order_id, glasses, at)
  SELECT id, NULL, initial_stock, UTC_TIMESTAMP(3) FROM drinks WHERE id BETWEEN 13 AND 19;
