"""Large transactions: memory stays flat and the server's timeout is not hit."""
ROWS = 500_000
MB = 1024 * 1024
TABLE = "CREATE TABLE big (id bigserial PRIMARY KEY, a text, b text, n numeric)"
FILL = "INSERT INTO big (a, b, n) SELECT md5(i::text), 'the quick brown fox', i * 1.5 FROM generate_series(1, %s) i"


def high_water(reader):
    return sum(reader.consumer.get_watermark_offsets(p, timeout=30)[1] for p in reader.consumer.assignment())


def test_a_large_transaction_to_a_paused_broker_stays_under_64_mb(db, run, make_broker):
    broker = make_broker()
    db.sql(TABLE)
    db.set("wal_sender_timeout", "2s")
    shipper = run(db, "--status.update.interval.ms=500", kafka=broker)
    db.sql("INSERT INTO big (a) VALUES ('first')")
    db.wait_confirmed()
    broker.pause()
    db.sql(FILL, (ROWS,))
    shipper.wait_metric("backpressure_microseconds_total", lambda n: n > 3_000_000, 120)
    received = shipper.metric("received_bytes_total")
    assert received < 64 * MB, "reading stands still"
    assert shipper.metric("source_reconnects_total") == 0, "keepalives were answered"
    broker.resume()
    db.wait_confirmed(timeout=240)
    assert shipper.peak_rss() < 64 * MB, f"{shipper.peak_rss() / MB:.1f} MB"
    assert shipper.metric("source_reconnects_total") == 0
    assert shipper.metric("records_acked_total") == ROWS + 1
    with broker.reader(db.topic("big")) as reader:
        reader.poll()
        assert high_water(reader) == ROWS + 1


def test_a_large_transaction_that_is_filtered_out_survives_wal_sender_timeout(db, run, broker):
    db.sql(TABLE + "; CREATE TABLE wanted (id int PRIMARY KEY)")
    db.set("wal_sender_timeout", "1s")
    # small, so that the transaction is spilled and read again
    db.set("logical_decoding_work_mem", "64kB")
    shipper = run(db, "--table.include.list=public.wanted", "--status.update.interval.ms=300")
    db.sql(FILL, (ROWS,))
    db.sql("INSERT INTO wanted VALUES (1)")
    with broker.reader(prefix=db.prefix + ".") as reader:
        reader.read_count(1, timeout=120)
    assert shipper.metric("source_reconnects_total") == 0
    db.wait_confirmed()


def test_many_small_transactions_behind_are_caught_up(db, run, broker):
    db.sql(TABLE)
    shipper = run(db)
    shipper.stop()
    with db.connect() as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("DO $$ BEGIN FOR i IN 1..20000 LOOP INSERT INTO big (a) VALUES (i); COMMIT; END LOOP; END $$")
    shipper = run(db)
    # not wait_confirmed(): the last commits, being asynchronous, may not be in the WAL yet
    shipper.wait_metric("records_acked_total", lambda n: n >= 20000)
    assert shipper.metric("records_acked_total") == 20000
    assert shipper.metric("transactions_total") >= 20000
    assert shipper.peak_rss() < 64 * MB
    with broker.reader(db.topic("big")) as reader:
        reader.read_all()
        assert [r.key for r in reader.records] == [b'{"id":%d}' % i for i in range(1, 20001)]


def test_large_rows(db, run, broker):
    db.sql("CREATE TABLE large (id int PRIMARY KEY, pad text)")
    broker.create_topic(db.topic("large"), max__message__bytes=20_000_000)
    run(db, "--kafka.message.max.bytes=20000000")
    sizes = [1, 65535, 65536, 65537, 1_000_000, 5_000_000]
    for i, size in enumerate(sizes):
        db.sql("INSERT INTO large VALUES (%s, repeat('z', %s))", (i, size))
    with broker.reader(db.topic("large")) as reader:
        reader.read_count(len(sizes), timeout=120)
    assert [len(r.value) for r in reader.records] == [len('{"id":0,"pad":"","__deleted":"false"}') + size for size in sizes]
