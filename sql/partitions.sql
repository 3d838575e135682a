-- partitions as themselves, or as their root
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_partitions', 'tuplecast');
CREATE TABLE pt (id int, region text, note text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE pt_a PARTITION OF pt FOR VALUES IN ('a');
-- columns in another order, one dropped, one more that is dropped later
CREATE TABLE pt_b (gone int, note text, gone2 int, region text NOT NULL, id int NOT NULL);
ALTER TABLE pt_b DROP COLUMN gone;
ALTER TABLE pt_b DROP COLUMN gone2;
ALTER TABLE pt ATTACH PARTITION pt_b FOR VALUES IN ('b');
CREATE TABLE pt_c PARTITION OF pt FOR VALUES IN ('c', 'd') PARTITION BY LIST (region);
CREATE TABLE pt_cc PARTITION OF pt_c FOR VALUES IN ('c');
CREATE TABLE pt_rest PARTITION OF pt DEFAULT;
INSERT INTO pt VALUES (1, 'a', 'in a'), (2, 'b', 'in b'), (3, 'c', 'in cc'), (4, 'x', 'rest');
UPDATE pt SET note = 'updated' WHERE id IN (1, 2);
UPDATE pt SET id = 22 WHERE id = 2;
-- a row that moves
UPDATE pt SET region = 'b' WHERE id = 1;
DELETE FROM pt WHERE id = 22;
INSERT INTO pt_b (id, region, note) VALUES (5, 'b', 'directly');
SELECT data FROM pg_logical_slot_peek_changes('regress_partitions', NULL, NULL, 'topic.prefix', 'p');
SELECT data FROM pg_logical_slot_peek_changes('regress_partitions', NULL, NULL, 'topic.prefix', 'p', 'publish.via.partition.root', 'true');
-- lists name what is published
SELECT data FROM pg_logical_slot_peek_changes('regress_partitions', NULL, NULL, 'topic.prefix', 'p', 'table.include.list', 'public.pt_b');
SELECT count(*) FROM pg_logical_slot_peek_changes('regress_partitions', NULL, NULL, 'topic.prefix', 'p', 'table.include.list', 'public.pt');
SELECT count(*) FROM pg_logical_slot_peek_changes('regress_partitions', NULL, NULL, 'topic.prefix', 'p', 'table.include.list', 'public.pt', 'publish.via.partition.root', 'true');
SELECT count(*) FROM pg_logical_slot_peek_changes('regress_partitions', NULL, NULL, 'topic.prefix', 'p', 'table.include.list', 'public.pt_b', 'publish.via.partition.root', 'true');
SELECT data::json->'value' FROM pg_logical_slot_peek_changes('regress_partitions', NULL, NULL, 'topic.prefix', 'p', 'publish.via.partition.root', 'true', 'column.exclude.list', 'public.pt.note', 'message.key.columns', 'public.pt:id') LIMIT 2;
SELECT count(*), bool_and(data::json IS NOT NULL) FROM pg_logical_slot_get_changes('regress_partitions', NULL, NULL, 'topic.prefix', 'p');
-- detached, changed, attached again; the root changes, too
INSERT INTO pt VALUES (6, 'b', 'attached');
ALTER TABLE pt DETACH PARTITION pt_b;
INSERT INTO pt_b (id, region, note) VALUES (7, 'b', 'detached');
ALTER TABLE pt ADD COLUMN extra int DEFAULT 1;
ALTER TABLE pt_b ADD COLUMN extra int DEFAULT 2;
ALTER TABLE pt ATTACH PARTITION pt_b FOR VALUES IN ('b');
UPDATE pt SET note = 'attached again' WHERE region = 'b';
ALTER TABLE pt RENAME COLUMN note TO remark;
ALTER TABLE pt RENAME TO pt2;
INSERT INTO pt2 (id, region, remark) VALUES (8, 'b', 'renamed');
ALTER TABLE pt2 DROP COLUMN remark;
INSERT INTO pt2 (id, region) VALUES (9, 'c'), (10, 'b');
SELECT data FROM pg_logical_slot_peek_changes('regress_partitions', NULL, NULL, 'topic.prefix', 'p', 'publish.via.partition.root', 'true');
SELECT data FROM pg_logical_slot_get_changes('regress_partitions', NULL, NULL, 'topic.prefix', 'p') WHERE data LIKE '%pt\_b%';
-- identities belong to the leaves
ALTER TABLE pt_b REPLICA IDENTITY FULL;
ALTER TABLE pt_a REPLICA IDENTITY NOTHING;
INSERT INTO pt2 VALUES (11, 'a', 7);
DELETE FROM pt2 WHERE id IN (10, 11);
SELECT data FROM pg_logical_slot_get_changes('regress_partitions', NULL, NULL, 'topic.prefix', 'p', 'publish.via.partition.root', 'true');
-- truncate: the leaves, or the root in their place
TRUNCATE pt2;
TRUNCATE pt_a;
SELECT data FROM pg_logical_slot_peek_changes('regress_partitions', NULL, NULL, 'topic.prefix', 'p', 'skipped.operations', 'none');
SELECT data FROM pg_logical_slot_get_changes('regress_partitions', NULL, NULL, 'topic.prefix', 'p', 'skipped.operations', 'none', 'publish.via.partition.root', 'true');
-- inheritance is no partitioning
CREATE TABLE pt_parent (id int PRIMARY KEY, note text);
CREATE TABLE pt_child (more int, PRIMARY KEY (id)) INHERITS (pt_parent);
INSERT INTO pt_child VALUES (1, 'child', 5);
UPDATE pt_parent SET note = 'through the parent';
SELECT data FROM pg_logical_slot_get_changes('regress_partitions', NULL, NULL, 'topic.prefix', 'p', 'publish.via.partition.root', 'true');
DROP TABLE pt2, pt_parent, pt_child;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_partitions');
