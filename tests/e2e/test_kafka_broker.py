"""What only a real broker has: logs that are cut, compacted or made anew, limits of topics, logins and certificates."""
import os
import time
import unittest

import consuming
import harness
import kafka
import rdkafka
from consuming import lines, metric, status


@unittest.skipIf(kafka.no_broker(), kafka.no_broker())
class Broker(consuming.Case):
    @classmethod
    def setUpClass(cls):
        cls.cluster = kafka.Broker(sasl=True, tls=True, auto_create_topics_enable="false")
        cls.addClassCleanup(cls.cluster.remove)
        cls.cluster.start()

    def delete_records(self, topic, before):
        with self.cluster.admin() as admin:
            admin.delete_records(topic, before)

    def test_a_topic_that_is_not_there_yet(self):
        topic = self.name()
        server = self.consuming(self.consumer(topic))
        harness.wait_for(lambda: status(server, "first")["troubles"], 20, lambda: server.text())
        self.assertIn("UNKNOWN_TOPIC", str(status(server, "first")["troubles"]))
        self.assertTrue(self.logged(server, topic))
        self.cluster.topic(topic)
        self.send(topic, *lines([1]))
        self.stored(server, "m_value", [1])
        harness.wait_for(lambda: not status(server, "first")["troubles"], 90, lambda: str(status(server, "first")))

    def test_a_topic_of_dead_letters_that_takes_small_batches_only(self):
        """Kafka measures whole batches, and librdkafka does not split them."""
        topic, dead = self.topic(), self.topic(1, "dead", **{"max.message.bytes": 20000})
        one = self.consumer(topic, dead_letter_topic=dead, batch_wait="200ms")
        self.send(topic, *[b"bad%d " % n + b"x" * 500 for n in range(300)])
        server = self.consuming(one)
        harness.wait_for(lambda: status(server, "first")["messages"] == 300, 30, lambda: str(status(server)))
        self.assertRegex(str(status(server, "first")["troubles"]), "dead letters: .*settings: batch.size")
        self.assertTrue(self.logged(server, "kafka consumer first: dead letters: trouble"))
        kept = len(consuming.letters(server))
        self.assertGreater(kept, 100)

        self.reload(server, {**one, "settings": {**one["settings"], "batch.size": "15000"}})
        self.send(topic, *[b"more%d " % n + b"x" * 500 for n in range(300)])
        def sent():
            return [letter.value for letter in self.cluster.read(dead) if letter.value.startswith(b"more")]
        harness.wait_for(lambda: len(sent()) == 300, 40, lambda: f"{len(sent())}\n{server.text()[-3000:]}")
        self.assertEqual(kept, self.kept_letters(server))
        self.assertEqual([], status(server, "first")["troubles"])

    def test_a_log_that_was_cut_short(self):
        for policy, numbers in (("earliest", [0, 1, 6, 7, 8]), ("latest", [0, 1, 8]), ("stop", [0, 1])):
            with self.subTest(policy):
                topic = self.topic()
                one = self.consumer(topic, out_of_range=policy)
                server = self.consuming(one)
                self.send(topic, *lines([0, 1]))
                self.stored(server, "m_value", [0, 1])
                server.stop()
                self.send(topic, *lines(range(2, 8)))
                self.delete_records(topic, {0: 6})
                server.start()
                self.logged(server, "offset|position")
                if policy == "latest":
                    harness.wait_for(lambda: status(server, "first")["partitions"][0]["position"] == 8, 20,
                                     lambda: str(status(server, "first")))
                self.send(topic, *lines([8]))
                self.stored(server, "m_value", numbers)
                if policy == "stop":
                    time.sleep(2)
                    self.assertEqual(numbers, self.values(server, "m_value"))
                    self.assertIn("out_of_range", str(status(server, "first")["troubles"]))
                else:
                    lost = {"earliest": 4, "latest": 6}[policy]
                    self.assertEqual(lost, metric(server, "silverback_kafka_lost_messages_total", consumer="first"))
                server.stop()

    def test_a_topic_that_was_made_anew(self):
        """Its offsets begin again below the position."""
        topic = self.topic()
        one = self.consumer(topic)
        server = self.consuming(one)
        self.send(topic, *lines(range(10)))
        self.stored(server, "m_value", list(range(10)))
        server.stop()
        with self.cluster.admin() as admin:
            admin.delete_topic(topic)
        harness.wait_for(lambda: self.made_anew(topic), 20)
        self.send(topic, *lines([20, 21]))
        server.start()
        self.stored(server, "m_value", [*range(10), 20, 21], 30)

    def made_anew(self, topic):
        try:
            self.cluster.topic(topic)
            return True
        except rdkafka.KafkaError:
            return False

    def test_gaps_of_a_compacted_log(self):
        topic = self.topic(1, "compacted", cleanup_policy="compact", segment_ms=100, min_cleanable_dirty_ratio="0.01",
                           min_compaction_lag_ms=0, delete_retention_ms=100)
        one = self.consumer(topic)
        with self.cluster.producer() as producer:
            for n, line in enumerate(lines(range(40))):
                producer.send(topic, line, key=b"k%d" % (n % 4))
                if n % 10 == 9:
                    producer.flush()
                    time.sleep(0.3)
            producer.flush()
        harness.wait_for(lambda: len(self.cluster.read(topic)) < 40, 60)
        server = self.consuming(one)
        kept = sorted(int(m.value.split(b"=")[1].split()[0]) for m in self.cluster.read(topic))
        self.stored(server, "m_value", kept)
        harness.wait_for(lambda: self.cluster.committed(one["group"], topic) == {0: 40}, 20)
        harness.wait_for(lambda: metric(server, "silverback_kafka_consumer_lag", consumer="first") == 0, 10)

    def test_passwords_and_certificates(self):
        broker = self.cluster
        topic = self.topic()
        self.send(topic, *lines([1]))
        folder = self.server(start=False).directory
        with open(os.path.join(folder, "password"), "w", encoding="utf-8") as file:
            file.write(broker.password() + "\n")
        ways = {"ssl": (broker.tls, {"protocol": "ssl", "ca_file": broker.path("ca.pem")}),
                "client": (broker.tls, {"protocol": "ssl", "ca_file": broker.path("ca.pem"),
                                        "cert_file": broker.path("client.crt"), "key_file": broker.path("client.key")})}
        for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
            ways[mechanism] = (broker.sasl, {"protocol": "sasl_plaintext", "mechanism": mechanism,
                                             "username": "silverback", "password_file": os.path.join(folder, "password")})
        ways["environment"] = (broker.sasl, {"protocol": "sasl_plaintext", "mechanism": "PLAIN", "username": "silverback",
                                             "password_environment": "KAFKA_PASSWORD"})
        server = self.consuming(*[self.consumer(topic, name, brokers=[address], security=security, labels={"way": name})
                                  for name, (address, security) in ways.items()],
                                environment={"KAFKA_PASSWORD": broker.password()})
        for name in ways:
            with self.subTest(name):
                self.stored(server, f'm_value{{way="{name}"}}', [1])

    def test_a_wrong_password_is_said_and_never_shown(self):
        topic = self.topic()
        self.send(topic, *lines([1]))
        secret = "open-sesame-4711"
        wrong = {"protocol": "sasl_plaintext", "mechanism": "SCRAM-SHA-256", "username": "silverback", "password": secret}
        one = self.consumer(topic, brokers=[self.cluster.sasl], security=wrong)
        server = self.consuming(one, flags=["--log.level=debug"])
        harness.wait_for(lambda: "_AUTHENTICATION" in str(status(server, "first")["troubles"]), 20,
                         lambda: f"{status(server, 'first')}\n{server.text()}")
        self.logged(server, r"level=warn.*[Aa]uthenticat")
        seen = [server.text(), str(status(server))]
        seen += [server.get(path).body.decode() for path in ("/metrics", "/api/v1/status/kafka", "/-/healthy",
                                                             "/api/v1/status/config", "/api/v1/status/flags", "/health")]
        for text in seen:
            self.assertNotIn(secret, text)
        self.reload(server, {**one, "security": {**wrong, "password": self.cluster.password()}})
        self.stored(server, "m_value", [1])


if __name__ == "__main__":
    unittest.main()
