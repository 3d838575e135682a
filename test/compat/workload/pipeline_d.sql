-- Parcels on their way.
CREATE TABLE package_status (id SERIAL PRIMARY KEY, actual_address TEXT, next_address TEXT, status TEXT);
-- DML
INSERT INTO package_status (actual_address, next_address, status)
	SELECT E'123 Main St\nApt. ' || i, E'PSC 1234, Box 5678\nAPO AP ' || i, (ARRAY['Package Posted', 'In Transit', 'Package Delivered'])[1 + i % 3] FROM generate_series(1, 50) i;
UPDATE package_status SET status = 'Package Delivered' WHERE id <= 10;
DELETE FROM package_status WHERE id > 45;
