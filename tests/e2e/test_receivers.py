"""One alert on its way out of the real program: a signed webhook, Slack, a mail to an SMTP server."""
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import os
import socket
import threading
import time
import unittest

import harness

RULES = """
groups:
  - name: g
    interval: 1s
    rules:
      - alert: 'Größe <b>'
        expr: vector(1)
        annotations: {summary: 'a & b'}
"""
CONFIG = """
rule_files: [rules.yml]
notifications:
  global: {smtp_smarthost: '127.0.0.1:%(smtp)d', smtp_from: 'Silverback <alerts@example.org>', smtp_require_tls: false}
  route: {receiver: all, group_by: [alertname], group_wait: 0s, group_interval: 1s}
  templates: ['*.tmpl']
  receivers:
    - name: all
      webhook_configs: [{url: 'http://127.0.0.1:%(http)d/hook', signature: {secret: whsec}}]
      slack_configs: [{api_url: 'http://127.0.0.1:%(http)d/slack', channel: '#ops', text: '{{ template "own" . }}'}]
      email_configs: [{to: 'a@example.org, b@example.org', text: '{{ template "own" . }}'}]
"""


class Http:
    def __init__(self):
        requests = self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                requests.append((self.path, self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def at(self, path):
        return [request for request in self.requests if request[0] == path]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Smtp:
    """Takes every mail; the first one only at the second attempt."""

    def __init__(self):
        self.mails = []  # (sender, recipients, bytes)
        self.refusals = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as stream:
                self.serve(stream)

    def serve(self, stream):
        def say(line):
            stream.write(line + b"\r\n")
            stream.flush()

        say(b"220 ready")
        sender, recipients = None, []
        for line in stream:
            verb = line[:4].upper()
            if verb == b"MAIL":
                sender = line[line.index(b"<") + 1:line.index(b">")].decode()
            elif verb == b"RCPT":
                recipients.append(line[line.index(b"<") + 1:line.index(b">")].decode())
            elif verb == b"DATA":
                say(b"354 go")
                lines = iter(stream.readline, b".\r\n")
                mail = b"".join(line[1:] if line.startswith(b".") else line for line in lines)
                if self.refusals == 0:
                    self.refusals += 1
                    say(b"451 later")
                    continue
                self.mails.append((sender, recipients, mail))
            elif verb == b"QUIT":
                say(b"221 bye")
                return
            say(b"250 fine")

    def close(self):
        self.socket.close()


class Receivers(harness.TestCase):
    def test_each_receiver_is_told(self):
        web, smtp = Http(), Smtp()
        self.addCleanup(web.close)
        self.addCleanup(smtp.close)
        server = self.server(start=False)
        for name, text in {"rules.yml": RULES, "own.tmpl": '{{ define "own" }}{{ len .Alerts }} é{{ end }}',
                           "silverback.yml": CONFIG % {"http": web.port, "smtp": smtp.port}}.items():
            with open(os.path.join(server.directory, name), "w", encoding="utf-8") as file:
                file.write(text)
        server.flags += [f"--config.file={server.directory}/silverback.yml", "--self-scrape.interval=0s",
                         "--web.external-url=http://metrics.example"]
        server.start()

        harness.wait_for(lambda: web.at("/hook") and web.at("/slack") and smtp.mails, 30, server.text)

        self.check_webhook(*web.at("/hook")[0][1:])
        self.check_slack(json.loads(web.at("/slack")[0][2]))
        self.check_mail(*smtp.mails[0])

    def check_webhook(self, headers, body):
        message = json.loads(body)
        self.assertEqual((message["version"], message["status"], message["receiver"]), ("4", "firing", "all"))
        self.assertEqual(message["alerts"][0]["annotations"], {"summary": "a & b"})
        self.assertTrue(headers["Idempotency-Key"])
        # As docs/format/notify.md says.
        parts = dict(part.split("=", 1) for part in headers["X-Silverback-Signature"].split(","))
        expected = hmac.new(b"whsec", parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        self.assertEqual(parts["v1"], expected)
        self.assertLess(abs(time.time() - int(parts["t"])), 60)

    def check_slack(self, message):
        attachment = message["attachments"][0]
        self.assertEqual(message["channel"], "#ops")
        self.assertEqual(attachment["color"], "danger")
        self.assertEqual(attachment["text"], "1 é")
        self.assertTrue(attachment["title"].startswith("[FIRING:1] Größe <b>"), attachment["title"])

    def check_mail(self, sender, recipients, content):
        mail = email.message_from_bytes(content, policy=email.policy.default)
        self.assertEqual(sender, "alerts@example.org")
        self.assertEqual(recipients, ["a@example.org", "b@example.org"])
        self.assertTrue(mail["Subject"].startswith("[FIRING:1] Größe <b>"), mail["Subject"])
        self.assertEqual(mail["From"].addresses[0].display_name, "Silverback")
        self.assertEqual(len(mail["To"].addresses), 2)
        self.assertTrue(mail["Message-Id"].endswith(".silverback@example.org>"), mail["Message-Id"])
        text, html = mail.iter_parts()
        self.assertEqual((text.get_content_type(), text.get_content().strip()), ("text/plain", "1 é"))
        self.assertEqual(html.get_content_type(), "text/html")
        self.assertIn("Größe &lt;b&gt;", html.get_content())
        self.assertIn("<i>summary</i>: a &amp; b", html.get_content())


if __name__ == "__main__":
    unittest.main()
