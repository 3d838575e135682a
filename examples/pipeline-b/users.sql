-- 1,000 users
INSERT INTO users (user_uuid, name, email, age, gender, country, address, phone, registered_at)
SELECT md5('user' || i)::uuid, 'Имя ' || i, 'user' || i || '@example.com', 18 + i % 60, CASE WHEN i % 2 = 0 THEN 'male' ELSE 'female' END, 'Россия',
	E'ул. Ленина,\nд. ' || i, '+7 900 ' || i, timestamp '2025-01-01' + i * interval '1.000001 s'
FROM generate_series(1, 1000) i;
