-- xml, on a server that is built with libxml
SET synchronous_commit = on;
\pset format unaligned
\pset tuples_only on
SELECT 'slot' FROM pg_create_logical_replication_slot('regress_types_xml', 'tuplecast');
SET xmlbinary = 'hex';
CREATE DOMAIN xm_domain AS xml;
CREATE TABLE xm (id int PRIMARY KEY, x xml, a xml[], d xm_domain);
-- without its declared encoding, which would not be that of the record
INSERT INTO xm VALUES
	(1, '<a b="c">1</a>', ARRAY['<a/>', NULL]::xml[], '<d/>'),
	(2, 'no element', '{}', NULL),
	(3, '<?xml version="1.0" encoding="UTF-8"?><a>é</a>', NULL, NULL),
	(4, '<?xml version="1.0" standalone="yes"?><a/>', NULL, NULL),
	(5, E'<a>\n\t"\\</a>', NULL, NULL),
	(6, '', NULL, NULL);
SELECT data::json->'value' FROM pg_logical_slot_get_changes('regress_types_xml', NULL, NULL, 'topic.prefix', 'p');
ALTER TABLE xm ALTER x SET STORAGE EXTERNAL;
INSERT INTO xm VALUES (7, ('<x>' || repeat('x', 3000) || '</x>')::xml);
UPDATE xm SET d = '<changed/>' WHERE id = 7;
SELECT length(data::json->'value'->>'x'), left(data::json->'value'->>'x', 30), data::json->'value'->>'d' FROM pg_logical_slot_get_changes('regress_types_xml', NULL, NULL, 'topic.prefix', 'p');
DROP TABLE xm;
DROP DOMAIN xm_domain;
SELECT 'dropped' FROM pg_drop_replication_slot('regress_types_xml');
