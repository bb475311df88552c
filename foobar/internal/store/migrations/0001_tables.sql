-- The three tables of the bar. Every table has a primary key: Group Replication certifies rows by it.

CREATE TABLE IF NOT EXISTS drinks (
  id            INT UNSIGNED NOT NULL PRIMARY KEY,
  slug          VARCHAR(32)  NOT NULL,
  name          VARCHAR(64)  NOT NULL,
  section       VARCHAR(32)  NOT NULL,
  about         VARCHAR(200) NOT NULL,
  price_cents   INT UNSIGNED NOT NULL,
  initial_stock INT UNSIGNED NOT NULL,
  stock         INT UNSIGNED NOT NULL,
  UNIQUE KEY slug (slug),
  CONSTRAINT stock_never_grows CHECK (stock <= initial_stock)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- The key is compared byte by byte: "a" and "A" are two customers. Its unique index is what makes an order happen at most once.
CREATE TABLE IF NOT EXISTS orders (
  id              BIGINT UNSIGNED  NOT NULL AUTO_INCREMENT PRIMARY KEY,
  idempotency_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  drink_id        INT UNSIGNED     NOT NULL,
  quantity        TINYINT UNSIGNED NOT NULL,
  total_cents     INT UNSIGNED     NOT NULL,
  placed_at       DATETIME(3)      NOT NULL,
  UNIQUE KEY idempotency_key (idempotency_key),
  CONSTRAINT order_is_for_a_drink FOREIGN KEY (drink_id) REFERENCES drinks (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Every change of a stock, one row each, never updated: the sum of a drink's changes is its stock.
CREATE TABLE IF NOT EXISTS stock_ledger (
  id       BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  drink_id INT UNSIGNED    NOT NULL,
  order_id BIGINT UNSIGNED NULL,
  glasses  INT             NOT NULL,
  at       DATETIME(3)     NOT NULL,
  UNIQUE KEY order_id (order_id),
  CONSTRAINT entry_is_for_a_drink FOREIGN KEY (drink_id) REFERENCES drinks (id),
  CONSTRAINT entry_is_for_an_order FOREIGN KEY (order_id) REFERENCES orders (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
