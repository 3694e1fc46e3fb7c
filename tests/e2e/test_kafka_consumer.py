"""Consumers of Kafka topics as an operator sets them up: positions, topics, formats, reload, brokers that fail."""
import time
import unittest

import consuming
import encode
import harness
import kafka
from consuming import letters, lines, metric, status


class Behaviour:
    """What holds with the real broker and with the mock cluster."""

    many = 6000  # messages of a backlog

    def test_reads_from_the_beginning_or_from_now_on(self):
        topic = self.topic()
        self.send(topic, *lines(range(5)))
        server = self.consuming(self.consumer(topic, labels={"source": "early"}),
                                self.consumer(topic, "late", start="latest", labels={"source": "late"}))
        self.stored(server, 'm_value{source="early"}', [0, 1, 2, 3, 4])
        self.assigned(server, "late")
        self.send(topic, *lines(range(5, 8)))
        self.stored(server, 'm_value{source="late"}', [5, 6, 7])
        self.stored(server, 'm_value{source="early"}', list(range(8)))

    def test_from_now_on_is_remembered_though_nothing_came(self):
        topic = self.topic()
        self.send(topic, *lines(range(3)))
        server = self.consuming(self.consumer(topic, start="latest"))
        self.assigned(server)
        server.kill()
        self.send(topic, *lines(range(3, 6)))
        server.start()
        self.stored(server, "m_value", [3, 4, 5])

    def test_regular_expressions_and_a_topic_that_comes_later(self):
        prefix = self.name("re")
        for name in ("a", "bb"):
            self.cluster.topic(f"{prefix}.{name}")
            self.send(f"{prefix}.{name}", *lines([1], name))
        self.cluster.topic(f"x{prefix}.a")
        self.send(f"x{prefix}.a", *lines([9], "other"))
        server = self.consuming(self.consumer([f"{prefix}\\.[a-z]+"]))
        self.stored(server, "a_value", [1])
        self.stored(server, "bb_value", [1])
        self.cluster.topic(f"{prefix}.later")
        self.send(f"{prefix}.later", *lines([5], "later"))
        self.stored(server, "later_value", [5], 30)
        self.assertEqual([], self.values(server, "other_value"))

    def test_dead_letters_are_not_read_by_a_pattern_that_fits_their_topic(self):
        """Else each would be a dead letter again, for ever."""
        prefix = self.name("own")
        self.cluster.topic(f"{prefix}.dead", 1)
        self.cluster.topic(f"{prefix}.in", 1)
        self.cluster.topic(f"{prefix}.private", 1)
        self.cluster.topic(f"a-{prefix}.in", 1)
        server = self.consuming(self.consumer([f"{prefix}\\..*|none"], dead_letter_topic=f"{prefix}.dead",
                                              settings={"topic.blacklist": f"^{prefix}.private$"}))
        self.send(f"{prefix}.in", b"cpu", *lines([1]))
        self.stored(server, "m_value", [1])
        harness.wait_for(lambda: self.cluster.ends(f"{prefix}.dead") == {0: 1}, 10)
        time.sleep(3)
        self.assertEqual({0: 1}, self.cluster.ends(f"{prefix}.dead"))
        self.assertEqual([f"{prefix}.in"], [one["topic"] for one in status(server, "first")["partitions"]])

    def test_consumers_that_read_each_others_dead_letters_come_to_an_end(self):
        prefix = self.name("both")
        for topic in ("dead1", "dead2", "in"):
            self.cluster.topic(f"{prefix}.{topic}", 1)
        server = self.consuming(*(self.consumer([f"{prefix}\\..*"], f"c{n}", dead_letter_topic=f"{prefix}.dead{n}")
                                  for n in (1, 2)))
        self.send(f"{prefix}.in", b"cpu")
        harness.wait_for(lambda: self.kept_letters(server) == 2, 30, lambda: f"{letters(server)}")
        time.sleep(2)
        self.assertEqual([{0: 1}, {0: 1}], [self.cluster.ends(f"{prefix}.dead{n}") for n in (1, 2)])
        self.assertEqual([("c1", f"{prefix}.dead2"), ("c2", f"{prefix}.dead1")],
                         [(one.consumer, one.topic) for one in letters(server)])

    def test_headers_go_over_the_configuration(self):
        topic = self.topic()
        sample = [({"__name__": "from_proto"}, [(1_700_000_000_000, 4.0)])]
        proto = encode.write_request(sample)
        server = self.consuming(self.consumer(topic, labels={"source": "kafka"}, precision="s"))
        self.send(topic,
                  b"seconds value=1 1700000001",
                  (b"nanos value=2 1700000002000000000", {"precision": "ns"}),
                  (b"elsewhere value=3 1700000003", {"database": "other"}),
                  (proto, {"format": "prometheus-remote-write"}),
                  (encode.snappy(encode.write_request([({"__name__": "packed"}, [(1_700_000_000_000, 5.0)])])),
                   {"format": "prometheus-remote-write", "content-encoding": "snappy"}),
                  (b'{"name": "object", "value": 6, "timestamp": 1700000006}', {"format": "json"}),
                  (b"text_sample 7 1700000007000", {"format": "prometheus-text"}),
                  (b'open_sample{a="b"} 8 1700000008.5\n# EOF\n',
                   {"format": "prometheus-text", "content-type": "application/openmetrics-text; version=1.0.0"}))
        for selector, value, time_s in (
                ('seconds_value{db="k"}', 1, 1700000001), ('nanos_value{db="k"}', 2, 1700000002),
                ('elsewhere_value{db="other"}', 3, 1700000003), ("from_proto", 4, 1700000000), ("packed", 5, 1700000000),
                ("object", 6, 1700000006), ("text_sample", 7, 1700000007), ('open_sample{a="b"}', 8, 1700000008.5)):
            with self.subTest(selector):
                self.stored(server, selector, [value])
                found = server.query(f"{selector}[100y]", time="4000000000")[0]
                self.assertEqual(time_s, found["values"][0][0])
                self.assertEqual("kafka", found["metric"]["source"])

    def test_names_of_json_members_and_message_times(self):
        topic = self.topic()
        server = self.consuming(self.consumer(topic, format="json", json={"name": "what", "value": "reading",
                                                                          "timestamp": "at", "time_unit": "s"}))
        self.send(topic, b'[{"what": "named", "reading": 1, "at": 1700000000, "labels": {"a": "b"}},'
                         b' {"what": "named", "reading": 2, "labels": {"a": "b"}}]', timestamp_ms=1_700_000_005_678)
        self.stored(server, 'named{a="b"}', [1, 2])
        self.assertEqual([1700000000, 1700000005.678],
                         [at for at, _ in server.query("named[100y]", time="4000000000")[0]["values"]])

    def test_a_reload_touches_only_what_it_changes(self):
        kept_topic, changed_topic, gone_topic, new_topic = (self.topic() for _ in range(4))
        kept, changed, gone = (self.consumer(topic, name) for topic, name in
                               ((kept_topic, "kept"), (changed_topic, "changed"), (gone_topic, "gone")))
        server = self.consuming(kept, changed, gone)
        for topic, name in ((kept_topic, "kept"), (changed_topic, "changed"), (gone_topic, "gone")):
            self.send(topic, *lines([0, 1], name))
        for name in ("kept", "changed", "gone"):
            self.stored(server, f"{name}_value", [0, 1])
        before = status(server, "kept")
        consumed = metric(server, "silverback_kafka_consumed_messages_total", consumer="kept")

        self.reload(server, kept, {**changed, "labels": {"now": "labelled"}}, self.consumer(new_topic, "new"))
        for topic, name in ((kept_topic, "kept"), (changed_topic, "changed"), (gone_topic, "gone"), (new_topic, "new")):
            self.send(topic, *lines([2], name))
        self.stored(server, "new_value", [2])
        self.stored(server, 'changed_value{now="labelled"}', [2])
        self.stored(server, 'changed_value{now=""}', [0, 1])
        self.stored(server, "kept_value", [0, 1, 2])
        after = status(server, "kept")
        self.assertEqual(before["rebalances"], after["rebalances"])
        self.assertEqual(consumed + 1, metric(server, "silverback_kafka_consumed_messages_total", consumer="kept"))
        time.sleep(1)
        self.assertEqual([0, 1], self.values(server, "gone_value"))
        self.assertEqual({"kept", "changed", "new"}, {one["name"] for one in status(server)["consumers"]})
        self.assertIsNone(metric(server, "silverback_kafka_consumed_messages_total", consumer="gone"))

        self.reload(server, kept, changed, gone)
        self.stored(server, "gone_value", [0, 1, 2])

    def test_a_reload_that_is_wrong_changes_nothing(self):
        topic = self.topic()
        good = self.consumer(topic)
        server = self.consuming(good)
        for wrong, word in (({**good, "format": "xml"}, "xml"), ({**good, "topics": []}, "topics"),
                            ({**good, "settings": {"no.such": "setting"}}, "no.such"),
                            ({**good, "settings": {"group.id": "x"}}, "group.id"),
                            ({**good, "topics": ["^(unclosed"]}, "unclosed"),
                            ({**good, "security": {"protocol": "sasl_plaintext", "mechanism": "PLAIN", "username": "u",
                                                   "password_file": "/no/such/file"}}, "/no/such/file")):
            consuming.configure(server, [wrong])
            answer = server.request("POST", "/-/reload")
            with self.subTest(word):
                self.assertEqual(500, answer.status)
                self.assertIn(word, answer.body.decode())
        self.send(topic, *lines([1]))
        self.stored(server, "m_value", [1])

    def test_offsets_follow_and_the_lag_becomes_nothing(self):
        topic = self.topic(2)
        for partition in (0, 1):
            self.send(topic, *lines(range(100 * partition, 100 * partition + 50)), partition=partition)
        one = self.consumer(topic)
        server = self.consuming(one)
        harness.wait_for(lambda: self.cluster.committed(one["group"], topic, 2) == {0: 50, 1: 50}, 20,
                         lambda: str(self.cluster.committed(one["group"], topic, 2)))
        harness.wait_for(lambda: all(one["lag"] == 0 for one in status(server, "first")["partitions"]), 10)
        harness.wait_for(lambda: metric(server, "silverback_kafka_consumer_lag", consumer="first") == 0, 10)
        found = status(server, "first")
        self.assertEqual([], found["troubles"])
        self.assertEqual({(0, 50, 0), (1, 50, 0)},
                         {(p["partition"], p["position"], p["lag"]) for p in found["partitions"]})
        self.assertEqual(100, found["messages"])

    def test_brokers_that_go_and_come_back(self):
        topic = self.topic()
        server = self.consuming(self.consumer(topic))
        self.send(topic, *lines([0]))
        self.stored(server, "m_value", [0])
        self.lose_brokers()
        harness.wait_for(lambda: status(server, "first")["troubles"], 20, lambda: server.text()[-3000:])
        spells = len([line for line in server.log if "level=warn" in line])
        time.sleep(3)
        self.assertLess(len([line for line in server.log if "level=warn" in line]) - spells, 10, server.text())
        self.find_brokers()
        self.send(topic, *lines([1]))
        self.stored(server, "m_value", [0, 1], 40)
        self.assertNotIn("_ALL_BROKERS_DOWN", str(status(server, "first")["troubles"]))

    def test_a_full_disk_is_waited_for(self):
        """Nothing is skipped, and nothing piles up, while the store takes nothing."""
        topic = self.topic()
        server = self.consuming(self.consumer(topic), start=False)
        server.popen = {"restore_signals": False}
        server.start()
        self.send(topic, *lines([0]))
        self.stored(server, "m_value", [0])
        server.full_disk()
        filler = b" filler=\"" + b"x" * 500 + b"\","
        self.send(topic, *[line.replace(b" ", filler, 1) for line in lines(range(1, self.many))], b"cpu",
                  *lines([self.many]))
        harness.wait_for(lambda: "store" in str(status(server, "first")["troubles"]), 20, lambda: server.text())
        harness.wait_for(lambda: status(server, "first")["partitions"][0]["waiting"], 10)
        before, warned = server.resident_bytes(), server.text().count("level=warn")
        for _ in range(10):
            self.send(topic, *[line.replace(b" ", filler, 1) for line in lines(range(self.many + 1, 2 * self.many + 1))])
        time.sleep(3)
        self.assertLess(server.resident_bytes() - before, 40 << 20)
        self.assertLess(server.text().count("level=warn") - warned, 5, server.text())
        self.assertEqual([0], self.values(server, "m_value"))
        self.assertGreater(metric(server, "silverback_kafka_store_retries_total", consumer="first"), 1)
        server.full_disk(False)
        self.stored(server, "m_value", list(range(2 * self.many + 1)), 60)
        harness.wait_for(lambda: not status(server, "first")["troubles"], 20, lambda: str(status(server, "first")))
        self.assertEqual([b"cpu"], [letter.value for letter in consuming.letters(server)])

    def test_a_storm_of_bad_messages(self):
        """More than a report spells out, in one batch with good ones."""
        topic = self.topic()
        self.send(topic, *lines([0]), *[b"bad%d" % n for n in range(3000)], *lines([1]))
        server = self.consuming(self.consumer(topic, batch_messages=10000, batch_wait="200ms"))
        self.stored(server, "m_value", [0, 1])
        harness.wait_for(lambda: self.kept_letters(server) == 3000, 20, lambda: str(status(server)))
        self.assertEqual([b"bad%d" % n for n in range(3000)], [letter.value for letter in consuming.letters(server)])
        self.assertEqual(3000, metric(server, "silverback_kafka_rejected_messages_total", consumer="first"))

    def test_messages_without_a_value(self):
        """Are what compaction leaves of a key that was deleted: there is nothing to store, and nothing is wrong."""
        topic = self.topic()
        self.send(topic, None, *lines([1]), None, b"", *lines([2]))
        one = self.consumer(topic)
        server = self.consuming(one)
        self.stored(server, "m_value", [1, 2])
        harness.wait_for(lambda: self.cluster.committed(one["group"], topic) == {0: 5}, 20)
        self.assertEqual(0, self.kept_letters(server))


# With the real broker there the mock, whose groups take seconds to form, has only what is its own.
@unittest.skipIf(kafka.no_mock(), kafka.no_mock())
class Mock(*[Behaviour] * bool(kafka.no_broker()), consuming.Case):
    many = 500  # the mock keeps no more than 5 MB

    def test_a_group_that_cannot_be_asked_is_not_one_without_offsets(self):
        """Who begins with what is new must not take an answer that failed for an empty one."""
        topic = self.topic()
        self.send(topic, *lines(range(6)))
        one = self.consumer(topic, start="latest")
        with self.cluster.admin() as admin:
            admin.commit(one["group"], topic, {0: 3})
        self.cluster("errors", "OffsetFetch", "GROUP_AUTHORIZATION_FAILED*1")
        server = self.consuming(one)
        self.stored(server, "m_value", [3, 4, 5], 40)

    def test_a_member_that_was_turned_away_says_so_until_it_is_set_up_otherwise(self):
        """Of two with one group.instance.id the broker turns the first away for good: there is no use in trying again."""
        topic = self.topic()
        one = self.consumer(topic, settings={"group.instance.id": "the-only-one"})
        server = self.consuming(one)
        self.send(topic, *lines([0]))
        self.stored(server, "m_value", [0])
        self.cluster("errors", "Heartbeat", "FENCED_INSTANCE_ID")
        harness.wait_for(lambda: "fenced" in str(status(server, "first")["troubles"]), 20, lambda: server.text())
        self.send(topic, *lines([1]))
        self.reload(server, {**one, "settings": {**one["settings"], "group.instance.id": "another"}})
        self.stored(server, "m_value", [0, 1], 40)
        self.assertEqual([], status(server, "first")["troubles"])

    def test_a_producer_that_cannot_go_on_loses_no_dead_letter(self):
        topic, dead = self.topic(), self.topic(4, "dead")
        self.send(topic, b"bad0")
        self.cluster("errors", "Produce", "OUT_OF_ORDER_SEQUENCE_NUMBER")  # fatal to an idempotent one
        server = self.consuming(self.consumer(topic, dead_letter_topic=dead))

        def found():
            return sorted([letter.value for letter in consuming.letters(server)] +
                          [letter.value for letter in self.cluster.read(dead, 4)])
        harness.wait_for(lambda: found() == [b"bad0"], 40, lambda: f"{found()}\n{server.text()}")
        self.send(topic, b"bad1")
        harness.wait_for(lambda: found() == [b"bad0", b"bad1"], 40, lambda: f"{found()}\n{server.text()}")

    def setUp(self):
        self.cluster = kafka.MockCluster(3)
        self.addCleanup(self.cluster.remove)

    def consumer(self, topics, name="first", **fields):
        settings = {"session.timeout.ms": "4500", **fields.pop("settings", {})}
        return super().consumer(topics, name, settings=settings, **fields)

    def lose_brokers(self):
        for broker in (1, 2, 3):
            self.cluster("down", broker)

    def find_brokers(self):
        for broker in (1, 2, 3):
            self.cluster("up", broker)


@unittest.skipIf(kafka.no_broker(), kafka.no_broker())
class Real(Behaviour, consuming.Case):
    @classmethod
    def setUpClass(cls):
        cls.cluster = kafka.Broker(auto_create_topics_enable="false")
        cls.addClassCleanup(cls.cluster.remove)
        cls.cluster.start()

    def lose_brokers(self):
        self.cluster.kill()

    def find_brokers(self):
        self.cluster.start()


if __name__ == "__main__":
    unittest.main()
