"""Producers that others wrote: kcat (librdkafka, from a shell) and npm kafkajs, with every compression and in transactions."""
import functools
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import consuming
import harness
import kafka
from consuming import lines, metric, status

# Carries out a list of steps, read as JSON from standard input.
SCRIPT = """
const { Kafka, CompressionTypes, logLevel } = require('kafkajs')
const { broker, steps } = JSON.parse(require('fs').readFileSync(0))
const kafka = new Kafka({ clientId: 'js', brokers: [broker], logLevel: logLevel.NOTHING })

async function main() {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  const careful = kafka.producer({ idempotent: true, maxInFlightRequests: 1, transactionalId: 'js-' + process.pid })
  await producer.connect()
  await careful.connect()
  for (const { topic, messages, gzip, transaction } of steps) {
    const what = { topic, messages, compression: gzip ? CompressionTypes.GZIP : CompressionTypes.None }
    if (!transaction) {
      await producer.send(what)
      continue
    }
    const open = await careful.transaction()
    await open.send(what)
    await open[transaction]()  // commit or abort
  }
  await producer.disconnect()
  await careful.disconnect()
}
main().catch((error) => { console.error(error); process.exit(1) })
"""


@functools.lru_cache(maxsize=None)
def kafkajs():
    """(folder in which node finds it, None), or (None, why it is not there)."""
    if not shutil.which("npm") or not shutil.which("node"):
        return None, "node or npm is not installed"
    folder = tempfile.mkdtemp(prefix="silverback-kafkajs-")
    unittest.addModuleCleanup(shutil.rmtree, folder, ignore_errors=True)
    done = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefer-offline", "kafkajs@2.2.4"],
                          cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    return (folder, None) if done.returncode == 0 else (None, "npm does not install kafkajs: " + done.stderr[-300:])


@unittest.skipIf(kafka.no_broker(), kafka.no_broker())
class Foreign(consuming.Case):
    @classmethod
    def setUpClass(cls):
        cls.cluster = kafka.Broker(num_partitions=2)
        cls.addClassCleanup(cls.cluster.remove)
        cls.cluster.start()

    # ---- kcat

    def kcat(self, topic, text, *flags):
        subprocess.run(["kcat", "-P", "-q", "-b", self.cluster.bootstrap, "-t", topic, *flags], input=text, check=True)

    @unittest.skipUnless(shutil.which("kcat"), "kcat is not installed")
    def test_kcat_with_every_compression(self):
        topic = self.topic(2)
        server = self.consuming(self.consumer(topic))
        for i, codec in enumerate(("none", "gzip", "snappy", "lz4", "zstd")):
            self.kcat(topic, b"\n".join(lines(range(2000), codec)), "-z", codec, "-p", str(i % 2))
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            with self.subTest(codec):
                self.stored(server, f"{codec}_value", list(range(2000)))

    @unittest.skipUnless(shutil.which("kcat"), "kcat is not installed")
    def test_kcat_with_keys_headers_and_what_cannot_be_read(self):
        topic, dead = self.topic(), self.topic(prefix="dead")
        server = self.consuming(self.consumer(topic, format="json", dead_letter_topic=dead))
        self.kcat(topic, b'a:{"name": "keyed", "value": 1, "timestamp": 1700000000}\nb:{"name": "keyed"}\n', "-K", ":")
        self.kcat(topic, b"text_sample 5 1700000000000\nnumber five\n", "-H", "format=prometheus-text", "-H", "who=kcat")
        self.stored(server, "keyed", [1])
        self.stored(server, "text_sample", [5])
        harness.wait_for(lambda: sum(self.cluster.ends(dead).values()) == 2, 10, lambda: server.text()[-2000:])
        seen = subprocess.run(["kcat", "-C", "-e", "-q", "-b", self.cluster.bootstrap, "-t", dead, "-f", "%k|%s|%h\\n"],
                              capture_output=True, text=True, check=True).stdout.splitlines()
        self.assertRegex(seen[0], rf'^b\|\{{"name": "keyed"\}}\|.*source-topic={topic},source-partition=0,source-offset=1')
        self.assertRegex(seen[1], r"^\|number five\|format=prometheus-text,who=kcat,error-code=malformed,error-message=.*"
                                  r"failed-at=20\d\d-.*Z,consumer=first$")

    # ---- kafkajs

    def steps(self, *steps):
        folder, why = kafkajs()
        if not folder:
            self.skipTest(why)
        with open(os.path.join(folder, "steps.js"), "w", encoding="utf-8") as file:
            file.write(SCRIPT)
        subprocess.run(["node", "steps.js"], cwd=folder, check=True, timeout=60 * harness.SLOW,
                       input=json.dumps({"broker": self.cluster.bootstrap, "steps": steps}).encode())

    def test_kafkajs(self):
        topic = self.topic()
        server = self.consuming(self.consumer(topic, format="json"))
        many = [{"key": str(n), "value": json.dumps({"name": "many", "value": n, "timestamp": 1_700_000_000_000 + n})}
                for n in range(3000)]
        self.steps({"topic": topic, "gzip": True, "messages": many},
                   {"topic": topic, "messages": [
                       {"value": "js_line v=1", "timestamp": "1700000000123",
                        "headers": {"format": "influx", "database": "js"}},
                       {"value": json.dumps([{"name": "bare", "labels": {"from": "js"}, "value": 2}]),
                        "timestamp": "1700000000456"},
                       {"key": "tombstone", "value": None}]})
        self.stored(server, "many", list(range(3000)))
        for selector, wanted in (('js_line_v{db="js"}', [1700000000.123, "1"]), ('bare{from="js"}', [1700000000.456, "2"])):
            self.assertEqual([wanted], harness.wait_for(
                lambda s=selector: server.query(f"{s}[100y]", time="4000000000"), 10)[0]["values"])

    def test_transactions(self):
        """What was committed is there, what was aborted is not, and the marks between do not count as lag."""
        topic = self.topic()
        one = self.consumer(topic)
        server = self.consuming(one)
        steps = []
        for n, end in enumerate(("commit", "abort", "commit", "abort", "commit")):
            steps.append({"topic": topic, "transaction": end, "messages": [
                {"value": line.decode()} for line in lines(range(n * 10, n * 10 + 10), end)]})
        self.steps(*steps)
        self.stored(server, "commit_value", [*range(10), *range(20, 30), *range(40, 50)])
        self.assertEqual([], self.values(server, "abort_value"))
        harness.wait_for(lambda: metric(server, "silverback_kafka_consumer_lag", consumer="first") == 0, 10,
                         lambda: str(status(server, "first")))
        server.kill()
        self.send(topic, *lines([50], "commit"))
        server.start()
        self.stored(server, "commit_value", [*range(10), *range(20, 30), *range(40, 51)])


if __name__ == "__main__":
    unittest.main()
