-- What is MySQL's there, in PostgreSQL: schema clients, whole rows before and after.
CREATE SCHEMA clients;
CREATE TABLE clients.users (id int PRIMARY KEY, name varchar(80), email varchar(120) NOT NULL, address text, updated timestamptz DEFAULT now());
CREATE TABLE clients.other (id int PRIMARY KEY, address text);
ALTER TABLE clients.users REPLICA IDENTITY FULL;
-- DML
INSERT INTO clients.users VALUES (1, 'Ana', 'ana@exemplo.com', 'Rua A, 1', '2024-01-01'), (2, 'Bia', 'bia@exemplo.com', NULL, '2024-01-01');
INSERT INTO clients.other VALUES (1, 'x');
UPDATE clients.users SET address = 'Rua B, 2' WHERE id = 1;
UPDATE clients.users SET email = 'nova@exemplo.com' WHERE id = 2;
DELETE FROM clients.users;
