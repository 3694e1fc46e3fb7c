"""Numbered samples through Kafka while everything breaks: the stored set is the produced set, no gap, no duplicate.

    test_kafka_exactness.py            a few kills, in a minute
    test_kafka_exactness.py RealBroker.test_one_server --kills 60 [--seed 1] [--rate 1500]    by hand, in minutes

kill -9 of the server at any moment, stops, reloads, kill -9 and silence of the broker, partitions that are added, errors
that the mock cluster answers with, a second server with a store of its own that comes, leaves, dies and sleeps. One message
in twenty is poisoned: these, and only these, are in the dead letters, again only across a kill.
"""
import random
import signal
import sys
import time
import unittest

import consuming
import harness
import kafka
import numbered

DEAD = "fire.dead"


class Member:
    """A server with a store of its own, and what state it is in: "up", "down", "asleep" (SIGSTOP)."""

    def __init__(self, server):
        self.server, self.state = server, "down"
        self.past = []  # log of earlier lives

    def start(self):
        self.past += self.server.log
        self.server.start()
        self.state = "up"

    def wake(self):
        self.server.send_signal(signal.SIGCONT)
        self.state = "up"


class Fire:
    """What happens to servers and cluster while a feeder writes."""

    def __init__(self, cluster, members, streams, chance, consumers, rate, **producing):
        self.cluster, self.members, self.streams, self.chance = cluster, members, streams, chance
        self.consumers = consumers  # configuration: {name: fields}
        self.done = {}  # {what: how often}
        self.moments = []  # Unix milliseconds at which something died or fell asleep
        self.write_configuration()
        self.feeder = numbered.Feeder(cluster, streams, rate, **producing)

    def count(self, what, disturbs=True):
        self.done[what] = self.done.get(what, 0) + 1
        if disturbs:
            self.moments.append(time.time() * 1000)

    def kills(self):
        return sum(self.done.get(what, 0) for what in ("kill", "kill beside a flush", "kill in the start"))

    def write_configuration(self):
        for member in self.members:
            consuming.configure(member.server, [{"name": name, **fields} for name, fields in self.consumers.items()])

    def pause(self, low=0.1, high=2.0):
        time.sleep(self.chance.uniform(low, high))

    def one_of(self, state):
        found = [member for member in self.members if member.state == state]
        return self.chance.choice(found) if found else None

    # ---- what may happen

    def kill(self, member):
        member.server.kill()
        self.count("kill")
        if self.chance.random() < 0.3:
            self.pause(0.5, 3.0)
        member.start()

    def kill_beside_a_flush(self, member):
        member.server.request("POST", "/api/v1/admin/tsdb/flush")
        self.pause(0, 0.1)
        member.server.kill()
        self.count("kill beside a flush")
        member.start()

    def kill_in_the_start(self, member):
        member.server.kill()
        member.server.start(ready=False)
        self.pause(0, 0.5)
        member.server.kill()
        self.count("kill in the start")
        member.start()

    def stop(self, member):
        if member.server.stop() != 0:
            raise AssertionError("stop: " + member.server.text())
        self.count("stop", disturbs=len(self.members) > 1)
        member.start()

    def reload(self, member):
        """One consumer is set up otherwise, which replaces it; the others go on."""
        fields = self.chance.choice(list(self.consumers.values()))
        fields["batch_wait"] = self.chance.choice(["5ms", "20ms", "50ms", "100ms"])
        fields["concurrency"] = self.chance.choice([1, 1, 2])
        self.write_configuration()
        answer = member.server.request("POST", "/-/reload")
        if answer.status != 200:
            raise AssertionError(f"reload: {answer.status} {answer.body}")
        self.count("reload", disturbs=len(self.members) > 1)

    # of the real broker

    def broker_kill(self, _):
        self.cluster.kill()
        self.count("broker killed")
        self.cluster.start()

    def broker_silence(self, _):
        self.cluster.pause()
        self.pause(1, 4)
        self.cluster.resume()
        self.count("broker silent")

    def grow(self, _):
        stream = self.chance.choice(self.streams)
        if stream.partitions >= 6:
            return
        with self.cluster.admin() as admin:
            admin.add_partitions(stream.topic, stream.partitions + 1)
        self.feeder.grow(stream, stream.partitions + 1)
        self.count("partition added", disturbs=False)

    # of the mock cluster

    ERRORS = {"Fetch": ("_TRANSPORT", "NOT_LEADER_FOR_PARTITION", "KAFKA_STORAGE_ERROR", "UNKNOWN_TOPIC_OR_PART"),
              "Produce": ("_TRANSPORT", "NOT_LEADER_FOR_PARTITION", "NOT_ENOUGH_REPLICAS", "REQUEST_TIMED_OUT"),
              "OffsetCommit": ("_TRANSPORT", "NOT_COORDINATOR", "COORDINATOR_LOAD_IN_PROGRESS", "UNKNOWN_MEMBER_ID",
                               "ILLEGAL_GENERATION", "REBALANCE_IN_PROGRESS"),
              "OffsetFetch": ("_TRANSPORT", "NOT_COORDINATOR", "COORDINATOR_LOAD_IN_PROGRESS"),
              "Heartbeat": ("_TRANSPORT", "NOT_COORDINATOR", "UNKNOWN_MEMBER_ID", "ILLEGAL_GENERATION"),
              "JoinGroup": ("_TRANSPORT", "NOT_COORDINATOR", "COORDINATOR_NOT_AVAILABLE"),
              "FindCoordinator": ("_TRANSPORT", "COORDINATOR_NOT_AVAILABLE"),
              "ListOffsets": ("_TRANSPORT", "NOT_LEADER_FOR_PARTITION"),
              "Metadata": ("_TRANSPORT",)}

    def errors(self, _):
        for api in self.chance.sample(list(self.ERRORS), 3):
            self.cluster("errors", api, *(f"{self.chance.choice(self.ERRORS[api])}*{self.chance.randrange(1, 4)}"
                                          for _ in range(2)))
        self.count("errors answered")

    def mock_broker_down(self, _):
        broker = self.chance.randrange(1, 4)
        self.cluster("down", broker)
        self.pause(0.5, 3)
        self.cluster("up", broker)
        self.count("broker down")

    def leader_moves(self, _):
        stream = self.chance.choice(self.streams)
        self.cluster("leader", stream.topic, self.chance.randrange(stream.partitions), self.chance.randrange(1, 4))
        self.count("leader moved")

    def coordinator_moves(self, _):
        group = self.chance.choice(list(self.consumers.values()))["group"]
        self.cluster("coordinator", group, self.chance.randrange(1, 4))
        self.count("coordinator moved")

    def slow_answers(self, _):
        self.cluster("rtt", -1, self.chance.choice([50, 300]))
        self.pause(0.5, 2)
        self.cluster("rtt", -1, 0)
        self.count("slow answers")

    def refuse_letters(self, _):
        self.cluster("topic-error", DEAD, "TOPIC_AUTHORIZATION_FAILED")
        self.pause(1, 3)
        self.cluster("topic-error", DEAD, "NO_ERROR")
        self.count("dead letters refused")

    # of several servers

    def leave(self, member):
        if sum(one.state == "up" for one in self.members) < 2:
            return
        if member.server.stop() != 0:
            raise AssertionError("stop: " + member.server.text())
        member.state = "down"
        self.count("leave")

    def join(self, _):
        member = self.one_of("down")
        if member:
            member.start()
            self.count("join")

    def die(self, member):
        """And stays away for a while."""
        if sum(one.state == "up" for one in self.members) < 2:
            self.kill(member)
            return
        member.server.kill()
        member.state = "down"
        self.count("kill")

    def sleep(self, member):
        member.server.send_signal(signal.SIGSTOP)
        member.state = "asleep"
        self.count("asleep")
        self.pause(0.5, 6)
        member.wake()
        self.count("awake")

    # ---- the course of it

    def run(self, events, kills):
        for member in self.members:
            member.start()
        self.feeder.start()
        seconds = 120 + 30 * kills
        deadline = time.monotonic() + seconds * harness.SLOW
        happened = 0
        while self.kills() < kills or happened < 4:
            happened += 1
            self.pause()
            name = self.chance.choice(events)
            member = self.one_of("up")
            getattr(self, name)(member)
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.done} after {seconds} s")
        self.pause(1, 2)
        if isinstance(self.cluster, kafka.MockCluster):
            for api in self.ERRORS:
                self.cluster("clear", api)
        self.feeder.end()
        for member in self.members:
            if member.state == "down":
                member.start()

    def holding(self, stream):
        found = numbered.Holding(stream)
        for member in self.members:
            found.add(member.server, stream)
        return found

    def stream(self, topic):
        return next(one for one in self.streams if one.topic == topic)

    def lags(self):
        """What the broker's committed offsets do not cover yet."""
        out = {}
        for fields in self.consumers.values():
            topic = fields["topics"][0]
            stream = self.stream(topic)
            ends = self.cluster.ends(topic, stream.partitions)
            committed = self.cluster.committed(fields["group"], topic, stream.partitions)
            out.update({f"{topic}[{p}]": (committed[p], ends[p]) for p in ends if ends[p] and committed[p] != ends[p]})
        return out

    def again(self, first_ms, second_ms):
        return any(first_ms - 5000 <= moment <= second_ms + 100 for moment in self.moments)


class Case(consuming.Case):
    kills, seed, rate = None, None, None  # by hand
    dead_partitions = 2
    producing = {}  # settings of the producer

    def setUp(self):
        self.seed_ = self.seed if self.seed is not None else random.randrange(1 << 30)
        self.chance = random.Random(self.seed_)

    def streams(self, formats, partitions=3, **more):
        made = [numbered.Stream(f"fire.{kind}", kind, random.Random(self.seed_ + i), partitions, **more)
                for i, kind in enumerate(formats)]
        for stream in made:
            self.cluster.topic(stream.topic, partitions)
        return made

    def fire(self, streams, servers=1, rate=600, **fields):
        members = []
        for _ in range(servers):
            members.append(Member(self.server("--self-scrape.interval=0s", start=False)))
        settings = {**consuming.QUICK, **fields.pop("settings", {})}
        consumers = {stream.kind: {"brokers": self.cluster.bootstrap.split(","), "topics": [stream.topic],
                                   "group": f"group.{stream.topic}", "format": stream.kind, "database": numbered.DATABASE,
                                   "settings": settings, **fields} for stream in streams}
        return Fire(self.cluster, members, streams, self.chance, consumers, self.rate or rate, **self.producing)

    def check(self, fire, dead_topic=True, patience=90):
        """Waits until all is read; then it has to be exact. @returns what two stores both have, and repeated letters"""
        problems = []
        try:
            harness.wait_for(lambda: not fire.lags(), patience)
        except AssertionError:
            problems.append(f"not read to the end: {fire.lags()}")
        logs = {stream.topic: {(one.partition, one.offset): one.key
                               for one in self.cluster.read(stream.topic, stream.partitions, seconds=120)}
                for stream in fire.streams}
        problems += [f"{topic}: {len(set(log.values()))} of its messages are in the cluster"
                     for topic, log in logs.items() if len(set(log.values())) != fire.stream(topic).messages()]
        letters = numbered.Letters(fire.streams, logs, fire.again)
        if dead_topic:
            letters.from_topic(self.cluster.read(DEAD, self.dead_partitions))
        for member in fire.members:
            letters.from_store(consuming.letters(member.server))
        common = 0
        for stream in fire.streams:
            holding = fire.holding(stream)
            problems += numbered.judge(stream, holding)
            common += holding.common
        problems += letters.judge()
        messages = sum(stream.messages() for stream in fire.streams)
        samples = sum(stream.samples() for stream in fire.streams)
        bad = sum(len(stream.bad) for stream in fire.streams)
        print(f"\n{self.id()} seed {self.seed_}: {fire.kills()} kills of {fire.done}; {messages} messages, {samples} samples,"
              f" {bad} poisoned, dead letters {letters.found()}" +
              (f", {common} samples in both stores" if len(fire.members) > 1 else ""), file=sys.stderr)
        if problems:
            for member in fire.members:
                log = [line for line in member.past + member.server.log if "level=info" not in line or "kafka" in line]
                print(f"---- server {member.server.directory}", *log[-200:], sep="\n", file=sys.stderr)
            print("\n".join(problems)[:6000], file=sys.stderr)
        self.assertEqual(0, len(problems), f"seed {self.seed_}: {problems[:3]}")
        return common, letters.repeats


@unittest.skipIf(kafka.no_broker(), kafka.no_broker())
class RealBroker(Case):
    @classmethod
    def setUpClass(cls):
        cls.shared = kafka.Broker()
        cls.addClassCleanup(cls.shared.remove)
        cls.shared.start()

    def setUp(self):
        super().setUp()
        self.cluster = self.shared
        self.addCleanup(self.forget)
        self.made = []

    def forget(self):
        with self.cluster.admin() as admin:
            for topic in self.made:
                admin.delete_topic(topic)

    def streams(self, formats, partitions=3, **more):
        streams = super().streams(formats, partitions, **more)
        self.cluster.topic(DEAD, 2)
        self.made = [DEAD, *(stream.topic for stream in streams)]
        return streams

    def test_one_server(self):
        fire = self.fire(self.streams(numbered.FORMATS), dead_letter_topic=DEAD)
        fire.run(["kill", "kill", "kill_beside_a_flush", "kill_in_the_start", "stop", "reload", "broker_kill",
                  "broker_silence", "grow"], self.kills or 2)
        self.check(fire)

    def test_two_servers(self):
        fire = self.fire(self.streams(["influx", "prometheus-remote-write"], 4), servers=2, dead_letter_topic=DEAD)
        fire.run(["die", "die", "leave", "join", "join", "join", "sleep", "stop", "reload"], self.kills or 2)
        self.check(fire)

    def test_after_a_kill_reading_goes_on_where_the_store_ends(self):
        """Not one message is read again, as its position stands in the same record of the log as its samples."""
        stream = self.streams(["json"], 3, poisoned=0, other_formats=0)[0]
        fire = self.fire([stream])
        server = fire.members[0].server
        for _ in range(self.kills or 2):
            feeder = numbered.Feeder(self.cluster, [stream], 4000)
            server.start()
            feeder.start()
            fire.pause(0.5, 3)
            server.kill()
            feeder.end()
            consuming.configure(server, [])
            server.start()
            bare = numbered.Holding(stream).add(server, stream).bare
            server.stop()
            for p, found in enumerate(bare):
                self.assertEqual(list(range(len(found))), [found[t] for t in sorted(found)], f"{stream.topic}[{p}]")
            fire.write_configuration()
            server.start()
            harness.wait_for(lambda: not fire.lags(), 60, lambda: str(fire.lags()))
            self.assertEqual(stream.messages() - sum(map(len, bare)),
                             consuming.metric(server, "silverback_kafka_consumed_messages_total"))
            server.stop()
        server.start()
        self.assertEqual([], numbered.judge(stream, fire.holding(stream)))

    def test_a_handover_in_peace_repeats_nothing(self):
        fire = self.fire(self.streams(["json"], 6, poisoned=0.02), servers=2, dead_letter_topic=DEAD)
        first, second = fire.members
        first.start()
        fire.feeder.start()
        for _ in range(self.kills or 1):
            for comes, goes in ((second, first), (first, second)):
                comes.start()
                fire.pause(2, 4)
                self.assertEqual(0, goes.server.stop(), goes.server.text())
                goes.state = "down"
                fire.pause(1, 2)
        fire.feeder.end()
        second.start()
        self.assertEqual((0, 0), self.check(fire))


@unittest.skipIf(kafka.no_mock(), kafka.no_mock())
class Mock(Case):
    """Errors of brokers that no real one makes at will."""

    dead_partitions = 4
    # The mock looks at no sequence numbers: with several requests on the way it loses and repeats under errors. It gives
    # out one batch of a partition at a time, so small ones are read slowly; long runs want --rate 120, as it keeps 5 MB.
    producing = {"max.in.flight.requests.per.connection": "1", "linger.ms": 100}
    EVENTS = ["kill", "kill", "errors", "errors", "errors", "mock_broker_down", "leader_moves", "coordinator_moves",
              "slow_answers", "reload"]

    def setUp(self):
        super().setUp()
        self.cluster = kafka.MockCluster(3)
        self.addCleanup(self.cluster.remove)

    def fire(self, streams, servers=1, rate=300, **fields):
        return super().fire(streams, servers, rate, settings={"session.timeout.ms": "4500",
                                                             "max.in.flight.requests.per.connection": "1"}, **fields)

    def test_one_server(self):
        """The dead letters stay in the server."""
        fire = self.fire(self.streams(["influx", "json"]))
        fire.run(self.EVENTS, self.kills or 1)
        self.check(fire, dead_topic=False)

    def test_a_topic_of_dead_letters_that_refuses_now_and_then(self):
        fire = self.fire(self.streams(["prometheus-text", "prometheus-remote-write"]), dead_letter_topic=DEAD)
        self.cluster.topic(DEAD, 4)
        fire.run([*self.EVENTS, "refuse_letters", "refuse_letters"], self.kills or 1)
        self.check(fire)

    def test_two_servers(self):
        if not (kafka.no_broker() or self.kills):
            self.skipTest("takes long, and is done with the real broker")
        fire = self.fire(self.streams(["json"], 4), servers=2, dead_letter_topic=DEAD)
        self.cluster.topic(DEAD, 4)
        fire.run(["die", "leave", "join", "join", "sleep", "errors", "leader_moves"], self.kills or 1)
        self.check(fire)


def main():
    arguments = sys.argv[1:]
    for name in ("kills", "seed", "rate"):
        if f"--{name}" in arguments:
            at = arguments.index(f"--{name}")
            setattr(Case, name, int(arguments[at + 1]))
            del arguments[at:at + 2]
    unittest.main(argv=sys.argv[:1] + arguments)


if __name__ == "__main__":
    main()
