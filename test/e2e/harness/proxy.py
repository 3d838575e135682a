"""TCP links that can be broken: between the program and the server, or a broker, in both directions and by what Kafka's protocol says."""
import asyncio
import socket
import struct
import threading

from .wait import free_port

PRODUCE, INIT_PRODUCER_ID, ADD_PARTITIONS_TO_TXN, END_TXN = 0, 22, 24, 26


class Proxy:
    """Runs all links in one thread."""

    def __init__(self, host="127.0.0.1"):
        self.host = host
        self.loop = asyncio.new_event_loop()
        self.links = []
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def link(self, target_port, kafka=False):
        link = Link(self, target_port, kafka)
        self.call(link.listen())
        self.links.append(link)
        return link

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def close(self):
        for link in self.links:
            self.call(link.shut())
        self.call(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


    async def _end(self):
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


class Connection:
    def __init__(self, client, server):
        self.client, self.server = client, server
        self.asked = {}     # correlation id → ApiKey and version of Kafka's requests under way
        self.orphan = False  # the server's side is gone, and the client is not told
        self.tasks = []


class Link:
    """One listening port, forwarded to 127.0.0.1:target. The attributes may be changed at any time, from any thread.

    refuse: new connections are closed at once      delay: seconds that each piece waits     rate: bytes a second
    alter: what becomes of each piece that the server sends
    stall_up, stall_down: nothing passes towards the server, the client; connections stay open, new ones too
    """

    def __init__(self, proxy, target_port, kafka):
        self.proxy = proxy
        self.target = target_port
        self.kafka = kafka
        self.port = free_port()
        self.connections = set()
        self.matched = 0
        self.passed = 0
        self.open()

    @property
    def address(self):
        return f"{self.proxy.host}:{self.port}"

    # ---- faults ----
    def open(self):
        """As if nothing had ever been wrong; connections that still exist go on."""
        self.refuse = self.stall_up = self.stall_down = False
        self.delay = 0
        self.rate = None
        self.rule = None
        self.alter = None

    def cut(self):
        self.refuse = True
        self.reset()

    def stall(self, up=True, down=True):
        self.stall_up, self.stall_down = up, down

    def reset(self):
        """RST to both sides of each connection."""
        self.proxy.call(self._reset())

    def half_open(self):
        """The server's side is closed; the client's stays open, and nobody ever answers on it."""
        self.proxy.call(self._orphan())

    def answer(self, api_key, action, value=0, count=1):
        """Of the next `count` answers to requests of that ApiKey: "drop", "delay" by so many seconds, "reset" the connection instead, or "error":
        the broker did what it was asked for, and is said to have answered with the code."""
        self.matched = 0
        self.rule = [api_key, action, value, count]

    # ---- plumbing ----
    async def listen(self):
        self.server = await asyncio.start_server(self._accept, self.proxy.host, self.port, backlog=64)

    async def shut(self):
        self.server.close()
        await self._reset()

    async def _reset(self):
        for connection in list(self.connections):
            self._abort(connection)

    async def _orphan(self):
        for connection in list(self.connections):
            connection.orphan = True
            self._kill(connection.server)

    def _abort(self, connection):
        connection.orphan = False
        for writer in (connection.client, connection.server):
            self._kill(writer)
        for task in connection.tasks:
            task.cancel()
        self.connections.discard(connection)

    def _kill(self, writer):
        sock = writer.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except OSError:
                pass
        writer.transport.abort()

    async def _accept(self, reader, writer):
        if self.refuse:
            self._kill(writer)
            return
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            self._kill(writer)
            return
        for end in (writer, server_writer):
            end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(writer, server_writer)
        self.connections.add(connection)
        connection.tasks = [asyncio.ensure_future(self._pump(connection, reader, server_writer, True)),
                            asyncio.ensure_future(self._pump(connection, server_reader, writer, False))]
        await asyncio.wait(connection.tasks, return_when=asyncio.FIRST_COMPLETED)
        # an end of one side is passed on, unless the other must not know
        while connection.orphan or self.stall_up or self.stall_down:
            if connection not in self.connections:
                return
            await asyncio.sleep(0.05)
        self._abort(connection)

    async def _pump(self, connection, reader, writer, up):
        try:
            while True:
                data = await (self._frame(connection, reader, up) if self.kafka else reader.read(65536))
                if not data:
                    break
                if self.delay:
                    await asyncio.sleep(self.delay)
                while self.stall_up if up else self.stall_down:
                    await asyncio.sleep(0.02)
                if data == b"drop":
                    continue
                if self.alter and not up:
                    data = self.alter(data)
                if connection.orphan:
                    continue
                writer.write(data)
                self.passed += len(data)
                await writer.drain()
                if self.rate:
                    await asyncio.sleep(len(data) / self.rate)
        except (OSError, asyncio.IncompleteReadError):
            pass
        if not connection.orphan and writer.can_write_eof() and not writer.transport.is_closing():
            try:
                await writer.drain()
            except OSError:
                pass

    async def _frame(self, connection, reader, up):
        """One request or answer of Kafka's protocol, after what the rule says of it."""
        head = await reader.readexactly(4)
        body = await reader.readexactly(struct.unpack(">i", head)[0])
        if up:
            key, version, correlation = struct.unpack_from(">hhi", body)
            connection.asked[correlation] = key, version
            return head + body
        key, version = connection.asked.pop(struct.unpack_from(">i", body)[0], (None, 0))
        rule = self.rule
        if rule is not None and rule[0] == key and rule[3] > 0:
            rule[3] -= 1
            self.matched += 1
            if rule[1] == "drop":
                return b"drop"
            if rule[1] == "reset":
                raise OSError("reset by rule")
            if rule[1] == "error":
                return head + with_error(body, key, version, rule[2])
            await asyncio.sleep(rule[2])
        return head + body


def with_error(body, key, version, code):
    """An answer to a request about transactions with another code in all places; behind the correlation id stands the time to wait."""
    out, at = bytearray(body), 8
    if version >= {INIT_PRODUCER_ID: 2, ADD_PARTITIONS_TO_TXN: 3, END_TXN: 3}[key]:
        assert key == INIT_PRODUCER_ID, "a newer version than librdkafka spoke"
        at += 1     # tagged fields
    if key != ADD_PARTITIONS_TO_TXN:
        struct.pack_into(">h", out, at, code)
        return bytes(out)
    topics, = struct.unpack_from(">i", out, at)
    at += 4
    for _ in range(topics):
        at += 2 + struct.unpack_from(">h", out, at)[0]
        partitions, = struct.unpack_from(">i", out, at)
        at += 4
        for _ in range(partitions):
            struct.pack_into(">h", out, at + 4, code)
            at += 6
    return bytes(out)
