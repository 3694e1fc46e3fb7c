"""The broker and the mock cluster that other tests rely on: what was acknowledged survives, faults happen when asked for."""
import shutil
import tempfile
import threading
import unittest

import kafka
import rdkafka


def text(number):
    return b"n=%d" % number


def numbers(messages):
    return [int(m.value[2:]) for m in messages]


@unittest.skipIf(kafka.no_broker(), kafka.no_broker())
class Broker(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.broker = kafka.Broker(sasl=True, tls=True)
        cls.addClassCleanup(cls.broker.remove)
        cls.broker.start()

    def test_keeps_what_it_acknowledged_when_killed(self):
        self.broker.topic("kept", 3)
        done = []
        work = threading.Thread(target=lambda: done.append(
            kafka.produce_numbers(self.broker, "kept", range(60000), text, 3, rate=15000)))
        work.start()
        self.broker.kill()
        self.broker.start()
        work.join(120)
        self.assertEqual([60000], done)
        found = self.broker.read("kept", 3)
        self.assertEqual(list(range(60000)), sorted(numbers(found)))
        for partition in range(3):
            mine = numbers(m for m in found if m.partition == partition)
            self.assertEqual(sorted(mine), mine)

    def test_headers_keys_and_times_as_dead_letters_have_them(self):
        with self.broker.producer() as producer:
            producer.send("dead", b"\x00\xff", key=b"k", headers={"reason": "no number", "offset": b"17"}, timestamp_ms=5)
            producer.send("dead", None, key=b"k")
            producer.flush()
        first, second = self.broker.read("dead")
        self.assertEqual((b"\x00\xff", b"k", 5), (first.value, first.key, first.timestamp_ms))
        self.assertEqual(("no number", "17", None), (first.header("reason"), first.header("offset"), first.header("x")))
        self.assertEqual((None, b"k", []), (second.value, second.key, second.headers))

    def test_offsets_of_a_group_and_a_log_cut_short(self):
        self.broker.topic("cut", 2)
        kafka.produce_numbers(self.broker, "cut", range(100), text, 2)
        with self.broker.admin() as admin:
            self.assertEqual({0: None, 1: None}, admin.committed("g", "cut", 2))
            admin.commit("g", "cut", {0: 20})
            self.assertEqual({0: 20, 1: None}, admin.committed("g", "cut", 2))
            admin.delete_records("cut", {0: 30})
            self.assertEqual((30, 50), admin.watermarks("cut", 0))
            admin.add_partitions("cut", 3)
            self.assertEqual({0: 50, 1: 50, 2: 0}, self.broker.ends("cut", 3))
            admin.delete_topic("cut")
            with self.assertRaisesRegex(rdkafka.KafkaError, "UNKNOWN_TOPIC|Unknown topic|does not host"):
                admin.delete_topic("cut")

    @unittest.skipUnless(shutil.which("kcat"), "kcat is not installed")
    def test_a_backlog_is_poured_in(self):
        self.broker.topic("backlog", 4)
        kafka.pour(self.broker, "backlog", b"".join(text(n) + b"\n" for n in range(200000)))
        self.assertEqual(200000, sum(self.broker.ends("backlog", 4).values()))
        with tempfile.TemporaryFile() as file:
            file.write(b"n=1\nn=2\n")
            file.seek(0)
            kafka.pour(self.broker, "poured", file, 0)
        self.assertEqual([1, 2], numbers(self.broker.read("poured")))

    def test_passwords_and_certificates(self):
        plain = {"security.protocol": "SASL_PLAINTEXT", "sasl.username": "silverback"}
        ways = [(self.broker.tls, {"security.protocol": "SSL", "ssl.ca.location": self.broker.path("ca.pem")}),
                *[(self.broker.sasl, {**plain, "sasl.mechanism": mechanism, "sasl.password": self.broker.password()})
                  for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")]]
        for address, settings in ways:
            with self.subTest(settings), rdkafka.Producer(address, **settings) as producer:
                producer.send("secret", b"1")
                producer.flush(20)
        with rdkafka.Producer(self.broker.sasl, **plain, **{"sasl.mechanism": "PLAIN", "sasl.password": "wrong"}) as producer:
            producer.send("secret", b"2")
            with self.assertRaises(rdkafka.KafkaError):
                producer.flush(3)
        self.assertEqual(len(ways), len(self.broker.read("secret")))


@unittest.skipIf(kafka.no_mock(), kafka.no_mock())
class Mock(unittest.TestCase):
    def setUp(self):
        self.mock = kafka.MockCluster(3)
        self.addCleanup(self.mock.remove)

    def test_faults_are_survived_and_seen(self):
        self.mock.topic("t", 2)
        self.mock("errors", "Produce", "NOT_LEADER_FOR_PARTITION*2", "_TRANSPORT")
        self.mock("slow-errors", 1, "Fetch", 50, "NO_ERROR")
        self.assertEqual("1", self.mock("pending", 1, "Fetch"))
        self.mock("leader", "t", 0, 1)
        self.mock("leader", "t", 1, 3)  # the mock draws leaders by lot
        self.assertEqual(20000, kafka.produce_numbers(self.mock, "t", range(20000), text, 2))
        self.mock("leader", "t", 0, 2)
        self.mock("down", 1)
        self.assertEqual(list(range(20000)), sorted(numbers(self.mock.read("t", 2))))
        self.mock("up", 1)
        self.assertEqual({0: None, 1: None}, self.mock.committed("g", "t", 2))
        with self.mock.admin() as admin:
            admin.commit("g", "t", {0: 7})
        self.assertEqual({0: 7, 1: None}, self.mock.committed("g", "t", 2))

    def test_misuse_is_said(self):
        for words in (["sing"], ["topic", "a"], ["errors", "Produce", "NO_SUCH"], ["rtt", "one", "1"], ["down", 9]):
            with self.subTest(words), self.assertRaises(AssertionError):
                self.mock(*words)


if __name__ == "__main__":
    unittest.main()
