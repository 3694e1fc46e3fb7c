// Templates against what Prometheus makes of them: templates.golden, recorded by record_templates.py.
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "alerting/gotemplate/template.h"
#include "alerting/rule_file.h"
#include "alerting/text_functions.h"
#include "query/promql/parser.h"
#include "query/promql/text.h"

namespace silverback::alerting {
namespace {

constexpr double kValue = 1234567.891;

struct Golden {
  std::string text;
  std::string expected;
};

std::vector<Golden> golden() {
  std::ifstream file(SILVERBACK_SOURCE_DIR "/tests/alerting/templates.golden");
  std::vector<Golden> all;
  for (std::string line; std::getline(file, line);) {
    const std::size_t tab = line.find('\t');
    all.push_back(
        {*query::promql::unquote(line.substr(0, tab)), *query::promql::unquote(line.substr(tab + 1))});
  }
  return all;
}

// Two series of `up`; what cannot be parsed fails as it does in the server.
Result<std::vector<VectorSample>> query_up(std::string_view text) {
  if (const auto parsed = query::promql::parse_expr(text, {}); !parsed) return parsed.status();
  if (text != "up") return std::vector<VectorSample>();
  return std::vector<VectorSample>{{{{"__name__", "up"}, {"instance", "b:1"}}, 1},
                                   {{{"__name__", "up"}, {"instance", "a:2"}}, 0}};
}

gotemplate::Value data() {
  const Labels labels = {
      {"__name__", "m"}, {"job", "api"}, {"instance", "host.example.com:9100"}, {"path", "/a/b"}};
  gotemplate::Struct made;
  made.type =
      "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value "
      "float64 }";
  made.fields = {{"Labels", to_value(labels)},
                 {"ExternalLabels", to_value(Labels{{"region", "eu"}})},
                 {"ExternalURL", ""},
                 {"Value", kValue}};
  return made;
}

std::string expand(std::string_view text) {
  const auto parsed = gotemplate::Template::parse("__alert_T", with_rule_variables(text), rule_functions(),
                                                  gotemplate::MissingKey::Zero);
  if (!parsed) return "ERROR: " + std::string(parsed.status().message());
  RuleEnvironment environment;
  environment.query = query_up;
  const auto out = parsed->execute(data(), environment);
  if (out) return *out;
  return "<error expanding template: error executing template __alert_T: " +
         std::string(out.status().message()) + ">";
}

TEST(GoTemplate, GivesWhatPrometheusGives) {
  const auto all = golden();
  ASSERT_GT(all.size(), 100U);

  for (const Golden& one : all) EXPECT_EQ(expand(one.text), one.expected) << one.text;
}

TEST(GoTemplate, BoundsWhatATemplateCanCost) {
  std::string loops;
  for (int i = 0; i < 8; ++i) loops += "{{ range 1000 }}";
  loops += "x";
  for (int i = 0; i < 8; ++i) loops += "{{ end }}";

  EXPECT_NE(expand(loops).find("steps"), std::string::npos);
  EXPECT_NE(expand("{{ define \"r\" }}{{ template \"r\" }}{{ end }}{{ template \"r\" }}").find("depth"),
            std::string::npos);
  EXPECT_NE(expand("{{ " + std::string(1000, '(') + "1").find("nested"), std::string::npos);
}

}  // namespace
}  // namespace silverback::alerting
