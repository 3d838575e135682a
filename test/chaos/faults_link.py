"""The links between the program and its two peers: cut, delayed, half-open, throttled, reset; and answers of Kafka's protocol."""
from faults_base import Fault
from harness.proxy import END_TXN, PRODUCE


def pg_links(row):
    return [row.pg.link]


def kafka_links(row):
    return row.kafka.links


class LinkFault(Fault):
    group = "links"
    rounds = 1
    seconds = (3, 6)
    links = staticmethod(pg_links)

    def run(self, row):
        for _ in range(self.rounds):
            row.moment()
            self.inject(row, self.links(row))
            row.hold(*self.seconds)
            for link in self.links(row):
                link.open()
            row.recovered()

    def inject(self, row, links):
        for link in links:
            self.harm(link)


def family(side, links, word):
    """The same faults for both links."""
    class Cut(LinkFault):
        name, rounds = f"{side}-cut", 2
        what = f"the link to {word} is cut: connections reset, new ones refused, for 2 to 5 s, twice"
        seconds = (2, 5)
        quick = ("exactly-once",) if side == "kafka" else False

        def harm(self, link):
            link.cut()

    class Stall(LinkFault):
        name = f"{side}-blackhole"
        what = f"nothing passes to and from {word} for 9 s, connections stay; then it all arrives"
        seconds = (9, 9)

        def harm(self, link):
            link.stall()

    class OneWay(LinkFault):
        name = f"{side}-one-way"
        what = f"what {word} send{'s' if side == 'pg' else ''} does not arrive for 9 s, the other way is open"
        seconds = (9, 9)

        def harm(self, link):
            link.stall(up=False, down=True)

    class HalfOpen(LinkFault):
        name, rounds = f"{side}-half-open", 1
        what = f"connections are closed at {word}, and the program is not told; new ones work"
        quick = ("at-least-once",) if side == "pg" else False
        seconds = (1, 2)

        def harm(self, link):
            link.half_open()

    class Delay(LinkFault):
        name = f"{side}-delayed"
        what = f"each piece to and from {word} is 100 to 300 ms late, for 5 s"
        seconds = (5, 5)
        repeats = False

        def inject(self, row, links):
            for link in links:
                link.delay = row.random.uniform(0.1, 0.3)

    class Slow(LinkFault):
        name = f"{side}-throttled"
        what = f"the link to {word} passes 40 KB/s for 6 s"
        seconds = (6, 6)

        def harm(self, link):
            link.rate = 40_000

    class Resets(LinkFault):
        name = f"{side}-resets"
        what = f"connections to {word} are reset every 0.3 to 1.2 s, eight times"

        def run(self, row):
            for _ in range(8):
                row.hold(0.3, 1.2)
                for link in links(row):
                    link.reset()
            row.recovered()

    for fault in (Cut, Stall, OneWay, HalfOpen, Delay, Slow, Resets):
        fault.links = staticmethod(links)


family("pg", pg_links, "the server")
family("kafka", kafka_links, "the brokers")


class OneBrokerCut(LinkFault):
    name = "kafka-one-link-cut"
    what = "the link to one broker of three is cut for 4 to 7 s, those between brokers are not"
    seconds = (4, 7)

    def inject(self, row, links):
        row.random.choice(links).cut()

    links = staticmethod(kafka_links)


class BothCut(LinkFault):
    name = "both-links-cut"
    what = "the links to the server and to all brokers are cut for 2 to 5 s, twice"
    rounds = 2
    seconds = (2, 5)
    links = staticmethod(lambda row: [row.pg.link, *row.kafka.links])

    def harm(self, link):
        link.cut()


class ProduceDropped(LinkFault):
    name = "produce-answer-dropped"
    what = "answers to three Produce requests never arrive; the records are in the log"
    links = staticmethod(kafka_links)
    key, action, seconds_late, count = PRODUCE, "drop", 0, 1

    def run(self, row):
        for _ in range(2):
            row.moment()
            for link in row.kafka.links:
                link.answer(self.key, self.action, self.seconds_late, self.count)
            row.wait(lambda: any(link.matched for link in row.kafka.links), 30, what="an answer of that kind")
            row.hold(1, 2)
            row.recovered()


class ProduceReset(ProduceDropped):
    name = "produce-answer-reset"
    what = "the connection is reset instead of the answer to a Produce request, on each link, twice"
    action = "reset"


class EndTxnDropped(ProduceDropped):
    name = "endtxn-answer-dropped"
    what = "the answer to EndTxn never arrives: nobody told us whether the transaction was committed; twice"
    key = END_TXN
    modes = ("exactly-once",)


class EndTxnReset(ProduceDropped):
    name, quick = "endtxn-answer-reset", True
    what = "the connection is reset instead of the answer to EndTxn, twice"
    key, action = END_TXN, "reset"
    modes = ("exactly-once",)


class EndTxnLate(ProduceDropped):
    name = "endtxn-answer-late"
    what = "the answer to EndTxn comes 7 s late, after the client's timeout (6 s), twice"
    key, action, seconds_late = END_TXN, "delay", 7
    modes = ("exactly-once",)


class NamespaceDown(Fault):
    name, group = "network-down", "links"
    what = "the program runs in a network namespace of its own, whose interface is down for 3 to 7 s, twice"
    needs_namespace = True

    def prepare(self, row):
        row.wrapper = ("ip", "netns", "exec", row.stand.namespace.name)

    def run(self, row):
        for _ in range(2):
            row.moment()
            row.stand.namespace.set("down")
            row.hold(3, 7)
            row.stand.namespace.set("up")
            row.recovered()
