// Mails, their exact text, and SMTP servers that take them or do not.
#include <gtest/gtest.h>

#include <chrono>
#include <map>

#include "alerting/notify/integrations.h"
#include "alerting/notify/mail.h"
#include "alerting/notify/templates.h"
#include "tests/alerting/notifications.h"
#include "tests/alerting/socket_receiver.h"

namespace silverback::notify {
namespace {

using Kind = Outcome::Kind;

// An SMTP server of one mail per connection that answers commands as it is told, else as one that takes all.
class SmtpReceiver {
 public:
  using Answers = std::map<std::string, std::string>;
  explicit SmtpReceiver(Answers answers = {})
      : answers_(std::move(answers)), socket_([this](Peer& peer) { serve(peer); }) {}

  std::string smarthost() const { return "127.0.0.1:" + std::to_string(socket_.port()); }
  /// All that clients said, line by line.
  std::string said() const {
    const MutexLock lock(mutex_);
    return said_;
  }

 private:
  void serve(Peer& peer) {
    peer.write(answer("greeting", "220 ready"));
    for (;;) {
      const std::string line = peer.read_until("\r\n");
      if (!line.ends_with("\r\n")) return;
      note(line);
      const std::string verb = line.substr(0, 4);
      if (verb == "DATA") {
        const std::string go = answer(verb, "354 go");
        peer.write(go);
        if (!go.starts_with("354")) continue;
        note(peer.read_until("\r\n.\r\n"));
        peer.write(answer("mail", "250 taken"));
      } else if (verb == "QUIT") {
        peer.write("221 bye\r\n");
        return;
      } else {
        peer.write(answer(line.starts_with("RCPT") ? line.substr(0, line.size() - 2) : verb, "250 fine"));
      }
    }
  }
  std::string answer(const std::string& to, const std::string& usual) const {
    const auto it = answers_.find(to);
    return (it == answers_.end() ? usual : it->second) + "\r\n";
  }
  void note(const std::string& text) {
    const MutexLock lock(mutex_);
    said_ += text;
  }

  const Answers answers_;
  mutable Mutex mutex_;
  std::string said_ GUARDED_BY(mutex_);
  SocketReceiver socket_;
};

EmailSpec email_to(const std::string& smarthost) {
  EmailSpec spec;
  spec.smarthost = smarthost;
  spec.hello = "mon.example.org";
  spec.from = "Silver Bäck <alerts@example.org>";
  spec.to = "a@example.org, B <b@example.org>";
  spec.require_tls = false;
  spec.headers = {{"Subject", R"({{ template "email.default.subject" . }})"}};
  spec.text = "{{ len .Alerts }} alerts é\n.\n";
  spec.html = "<p>{{ .GroupLabels.alertname }}</p>";
  return spec;
}
Outcome send(const EmailSpec& spec, const Egress& egress = {}) {
  return make_email(spec, surroundings(egress))->send(two_firing());
}

constexpr std::string_view kMail =
    "Subject: [FIRING:2] Disk <full> (node page)\r\n"
    "From: =?utf-8?q?Silver_B=C3=A4ck?= <alerts@example.org>\r\n"
    "To: a@example.org,\r\n"
    " B <b@example.org>\r\n"
    "Message-Id: <key-1.silverback@example.org>\r\n"
    "Date: Tue, 02 Jan 2024 04:00:00 +0000\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/alternative; boundary=\"@\"\r\n"
    "\r\n"
    "--@\r\n"
    "Content-Type: text/plain; charset=UTF-8\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n"
    "\r\n"
    "2 alerts =C3=A9\r\n"
    ".\r\n"
    "\r\n"
    "--@\r\n"
    "Content-Type: text/html; charset=UTF-8\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n"
    "\r\n"
    "<p>Disk &lt;full&gt;</p>\r\n"
    "--@--\r\n";

// The boundary is a hash of the idempotency key.
std::string with_its_boundary(std::string_view expected, const std::string& mail) {
  const std::size_t begin = mail.find("=_");
  const std::string boundary = mail.substr(begin, mail.find('"', begin) - begin);
  std::string out;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const bool mark =
        expected[i] == '@' && (expected.substr(i - 1, 1) == "\"" || expected.substr(i - 2, 2) == "--");
    out += mark ? boundary : std::string(1, expected[i]);
  }
  return out;
}

TEST(Email, IsAMailInTextAndHtml) {
  const auto letter = write_letter(email_to("x:25"), *surroundings().templates, two_firing(), kExternalUrl);

  ASSERT_TRUE(letter) << letter.status().message();
  EXPECT_EQ(letter->from, "alerts@example.org");
  EXPECT_EQ(letter->to, (std::vector<std::string>{"a@example.org", "b@example.org"}));
  EXPECT_EQ(letter->mail, with_its_boundary(kMail, letter->mail));
}

TEST(Email, GoesToAServer) {
  SmtpReceiver server;

  const Outcome outcome = send(email_to(server.smarthost()));

  EXPECT_EQ(outcome.kind, Kind::Delivered) << outcome.error;
  const std::string said = server.said();
  EXPECT_TRUE(said.starts_with("EHLO mon.example.org\r\nMAIL FROM:<alerts@example.org>")) << said;
  EXPECT_NE(said.find("RCPT TO:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"), said.npos) << said;
  EXPECT_NE(said.find("2 alerts =C3=A9\r\n..\r\n"), said.npos) << said;  // a line of one point is doubled
}

TEST(Email, TheServersAnswersDecide) {
  struct Case {
    std::string at, answer;
    Kind kind;
  };
  const Case cases[] = {
      {"RCPT TO:<b@example.org>", "550 no such user", Kind::Refused},
      {"RCPT TO:<b@example.org>", "450 later", Kind::Retry},
      {"MAIL", "550 not from you", Kind::Refused},
      {"MAIL", "451 greylisted", Kind::Retry},
      {"DATA", "554 no", Kind::Refused},
      {"DATA", "421 going down", Kind::Retry},
      {"mail", "554 spam", Kind::Refused},
      {"mail", "452 disk full", Kind::Retry},
      {"greeting", "554 not today", Kind::Retry},
      {"greeting", "what?", Kind::Retry},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.at + ": " + c.answer);
    SmtpReceiver server(SmtpReceiver::Answers{{c.at, c.answer}});

    const Outcome outcome = send(email_to(server.smarthost()));

    EXPECT_EQ(outcome.kind, c.kind) << outcome.error;
    EXPECT_TRUE(outcome.error.starts_with(server.smarthost() + ": ")) << outcome.error;
    if (c.answer != "what?") {
      EXPECT_NE(outcome.error.find(c.answer.substr(0, 3)), std::string::npos) << outcome.error;
    }
  }
}

TEST(Email, LogsInWithAPasswordOnlyWhereNobodyListens) {
  SmtpReceiver server({{"EHLO", "250-hi\r\n250 AUTH PLAIN LOGIN"}, {"AUTH", "235 welcome"}});
  EmailSpec spec = email_to(server.smarthost());
  spec.auth_username = "u";
  spec.auth_password = "p";

  EXPECT_EQ(send(spec).kind, Kind::Delivered);
  EXPECT_NE(server.said().find("AUTH PLAIN"), std::string::npos) << server.said();

  // The same machine under a name that is not known to be it.
  SmtpReceiver other(SmtpReceiver::Answers{{"EHLO", "250-hi\r\n250 AUTH PLAIN LOGIN"}});
  spec.smarthost = "127.0.0.2:" + other.smarthost().substr(other.smarthost().find(':') + 1);
  EXPECT_EQ(send(spec).kind, Kind::Retry);
  EXPECT_EQ(other.said().find("AUTH"), std::string::npos) << other.said();
}

TEST(Email, ARefusedPasswordCanBeMended) {
  SmtpReceiver server({{"EHLO", "250-hi\r\n250 AUTH LOGIN"}, {"AUTH", "535 wrong"}});
  EmailSpec spec = email_to(server.smarthost());
  spec.auth_username = "u";
  spec.auth_password = "p";

  EXPECT_EQ(send(spec).kind, Kind::Retry);
}

TEST(Email, SendsNothingWithoutTlsWhenItIsRequired) {
  SmtpReceiver server;
  EmailSpec spec = email_to(server.smarthost());
  spec.require_tls = true;

  const Outcome outcome = send(spec);

  EXPECT_EQ(outcome.kind, Kind::Retry);
  EXPECT_EQ(server.said().find("MAIL"), std::string::npos) << server.said();
}

TEST(Email, GoesNowhereThatEgressDoesNotAllow) {
  SmtpReceiver server;

  const Outcome outcome = send(email_to(server.smarthost()), *Egress::make({"10.0.0.0/8"}));

  EXPECT_EQ(outcome.kind, Kind::Refused);
  EXPECT_NE(outcome.error.find("egress"), outcome.error.npos) << outcome.error;
  EXPECT_EQ(server.said(), "");
}

TEST(Email, StopEndsAServerThatSaysNothing) {
  SocketReceiver silent([](Peer& peer) { peer.wait_for_end(); });
  const auto email = make_email(email_to("127.0.0.1:" + std::to_string(silent.port())), surroundings());
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    email->stop();
  });
  const auto begin = std::chrono::steady_clock::now();

  const Outcome outcome = email->send(two_firing());

  stopper.join();
  EXPECT_EQ(outcome.kind, Kind::Retry);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(3));
}

TEST(Email, NamesTheAddressThatIsNone) {
  EmailSpec spec = email_to("x:25");
  spec.to = "a@example.org, {{ .GroupLabels.alertname }}";
  const Outcome to = send(spec);
  spec = email_to("x:25");
  spec.from = "a@b, c@d";
  const Outcome from = send(spec);

  EXPECT_EQ(to.kind, Kind::Refused);
  EXPECT_EQ(to.error, "to: \"Disk <full>\" is not a mail address");
  EXPECT_EQ(from.error, "from: must be exactly one address, not 2");
}

TEST(Mail, ReadsAddresses) {
  const auto parsed = parse_addresses(R"( a@x.org ,Ops <b@x.org>,, "Night, \"shift\"" <c@x.org>,)");

  ASSERT_TRUE(parsed) << parsed.status().message();
  EXPECT_EQ(*parsed,
            (std::vector<MailAddress>{{"", "a@x.org"}, {"Ops", "b@x.org"}, {"Night, \"shift\"", "c@x.org"}}));
}

TEST(Mail, RefusesWhatIsNoAddress) {
  for (const char* text : {"", ",", "a", "@x", "a@", "a@b@c", "a b@x", "a@x\r\nRCPT TO:<e@v.il>", "<a@x> b",
                           "x <>", "\"a\"@x", "a@x>", "<<a@x>"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(parse_addresses(text));
  }
}

std::string header(const std::string& value) {
  const std::string mail = mail_text({{{"Subject", value}}, "", ""}, "b");
  return mail.substr(0, mail.find("\r\nMIME-Version"));
}

TEST(Mail, HeaderTextsCanNeitherBreakALineNorAddAHeader) {
  EXPECT_EQ(header("plain: <text>"), "Subject: plain: <text>");
  EXPECT_EQ(header("a\r\nBcc: e@v.il"), "Subject: =?utf-8?q?a=0D=0ABcc=3A_e=40v=2Eil?=");
  EXPECT_EQ(header("=?utf-8?q?x?="), "Subject: =?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=");
  EXPECT_EQ(header("\xff"), "Subject: =?utf-8?q?=EF=BF=BD?=");
}

TEST(Mail, LongTextsAreSeveralWordsAndNoCharacterIsTorn) {
  std::string value;
  for (int i = 0; i < 30; ++i) value += "é";

  EXPECT_EQ(header(value),
            "Subject: =?utf-8?q?=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9?=\r\n"
            " =?utf-8?q?=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9?=\r\n"
            " =?utf-8?q?=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9?=");
}

TEST(Mail, LinesAreShortAndEndsOfLinesKeepTheirBlanks) {
  const std::string mail = mail_text({{}, std::string(100, 'x') + " \r\na\tb\t\nc=d", ""}, "b");

  EXPECT_NE(mail.find("\r\n\r\n" + std::string(75, 'x') + "=\r\n" + std::string(25, 'x') +
                      "=20\r\na\tb=09\r\nc=3Dd\r\n--b--\r\n"),
            mail.npos)
      << mail;
}

TEST(Mail, WritesDates) {
  EXPECT_EQ(mail_date(0), "Thu, 01 Jan 1970 00:00:00 +0000");
  EXPECT_EQ(mail_date(1'709'251'199'999'999'999), "Thu, 29 Feb 2024 23:59:59 +0000");
}

}  // namespace
}  // namespace silverback::notify
