-- A bookshop; the names are in mixed case, sales have no key.
CREATE TABLE "BookTypes" ("BookTypeId" SERIAL PRIMARY KEY, "Name" VARCHAR(50) NOT NULL);
CREATE TABLE "Books" ("BookId" SERIAL PRIMARY KEY, "Title" VARCHAR(200) NOT NULL, "BookTypeId" INT NOT NULL REFERENCES "BookTypes", "Price" NUMERIC(10,2) NOT NULL, "Published" DATE);
CREATE TABLE "Users" ("UserId" SERIAL PRIMARY KEY, "Name" VARCHAR(100), "Email" VARCHAR(100), "Birth" DATE, "Created" TIMESTAMP(3) DEFAULT now());
CREATE TABLE "Sales" ("UserId" INT NOT NULL, "BookId" INT NOT NULL, "Quantity" SMALLINT, "Total" MONEY, "SoldAt" TIMESTAMPTZ DEFAULT now());
-- DML
INSERT INTO "BookTypes" ("Name") VALUES ('Ficção'), ('Técnico');
INSERT INTO "Books" ("Title", "BookTypeId", "Price", "Published") VALUES ('Dom Casmurro', 1, 39.90, '1899-01-01'), ('Kafka', 2, 120, '2021-11-01');
INSERT INTO "Users" ("Name", "Email", "Birth") SELECT 'Usuário ' || i, i || '@exemplo.com.br', date '1980-01-01' + i FROM generate_series(1, 20) i;
INSERT INTO "Sales" SELECT 1 + i % 20, 1 + i % 2, i % 5, (i * 1.1)::numeric::money, timestamptz '2023-02-01 10:00+00' + i * interval '1 minute' FROM generate_series(1, 200) i;
UPDATE "Books" SET "Price" = 99.5 WHERE "BookId" = 2;
UPDATE "Users" SET "Email" = NULL WHERE "UserId" = 1;
DELETE FROM "Users" WHERE "UserId" = 20;
