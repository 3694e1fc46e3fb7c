// What the reading endpoints answer: shapes, parameters, failures.
#include "tests/api/server_fixture.h"

namespace silverback::api {
namespace {

class QueryApi : public ServerTest {
 protected:
  void SetUp() override {
    for (int i = 0; i <= 4; ++i) {
      store.add({{"__name__", "up"}, {"job", "a"}}, kNowMs - 60'000 + i * 15'000, i);
      store.add({{"__name__", "up"}, {"job", "b"}}, kNowMs - 60'000 + i * 15'000, 0.1 * i);
    }
    store.add({{"__name__", "http.status"}, {"a b", "<x>\"\\\n\xff"}}, kNowMs, 1);
    start();
  }
  static constexpr const char* kAt = "&time=1700000000";
};

TEST_F(QueryApi, AnswersAnInstantQuery) {
  EXPECT_EQ(get("/api/v1/query?query=up&time=1700000000").body,
            R"({"status":"success","data":{"resultType":"vector","result":[)"
            R"({"metric":{"__name__":"up","job":"a"},"value":[1700000000,"4"]},)"
            R"({"metric":{"__name__":"up","job":"b"},"value":[1700000000,"0.4"]}]}})"
            "\n");
  EXPECT_EQ(get("/api/v1/query?query=1%2B1&time=4").body,
            "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[4,\"2\"]}}\n");
  EXPECT_EQ(get("/api/v1/query?query=%22x%22&time=4.5").body,
            "{\"status\":\"success\",\"data\":{\"resultType\":\"string\",\"result\":[4.5,\"x\"]}}\n");
  EXPECT_EQ(get("/api/v1/query?query=nosuch&time=4").body,
            "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}\n");
  EXPECT_EQ(
      get("/api/v1/query?query=up%7Bjob%3D%22a%22%7D%5B20s%5D&time=1700000000").body,
      R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"a"},)"
      R"("values":[[1699999985,"3"],[1700000000,"4"]]}]}})"
      "\n");
}

TEST_F(QueryApi, TakesTheClocksTimeWhenNoneIsGiven) {
  EXPECT_NE(get("/api/v1/query?query=up").body.find("[1700000000,\"4\"]"), std::string::npos);
}

TEST_F(QueryApi, AnswersARangeQuery) {
  EXPECT_EQ(
      get("/api/v1/query_range?query=up{job=\"a\"}&start=1699999970.5&end=1700000000.5&step=15").body,
      R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"a"},)"
      R"("values":[[1699999970.5,"2"],[1699999985.5,"3"],[1700000000.5,"4"]]}]}})"
      "\n");
}

TEST_F(QueryApi, ReadsParametersOfUrlAndFormTogether) {
  const Answer answer = form("/api/v1/query?time=4&query=ignored%28", "query=1+%2B+1");

  EXPECT_NE(answer.body.find("[4,\"2\"]"), std::string::npos) << answer.body;
}

TEST_F(QueryApi, NamesTheParameterThatIsWrong) {
  struct Case {
    const char* target;
    const char* part;
  };
  const Case cases[] = {
      {"/api/v1/query", R"(invalid parameter \"query\": )"},
      {"/api/v1/query?query=up{", R"(invalid parameter \"query\": 1:)"},
      {"/api/v1/query?query=1&time=abc",
       R"(invalid parameter \"time\": cannot parse \"abc\" to a valid timestamp)"},
      {"/api/v1/query?query=1&timeout=abc",
       R"(invalid parameter \"timeout\": cannot parse \"abc\" to a valid duration)"},
      {"/api/v1/query?query=1&limit=-1", "limit must be non-negative"},
      {"/api/v1/query?query=%zz", "invalid URL escape"},
      {"/api/v1/query_range?query=1&end=2&step=1",
       R"(invalid parameter \"start\": cannot parse \"\" to a valid timestamp)"},
      {"/api/v1/query_range?query=1&start=1&end=NaN&step=1", R"(invalid parameter \"end\")"},
      {"/api/v1/query_range?query=1&start=2&end=1&step=1", "end timestamp must not be before start time"},
      {"/api/v1/query_range?query=1&start=1&end=2&step=0",
       "zero or negative query resolution step widths are not accepted"},
      {"/api/v1/query_range?query=1&start=1&end=2&step=-5",
       "zero or negative query resolution step widths are not accepted"},
      {"/api/v1/query_range?query=1&start=1&end=2&step=NaN", R"(invalid parameter \"step\")"},
      {"/api/v1/query_range?query=1&start=1&end=2",
       R"(invalid parameter \"step\": cannot parse \"\" to a valid duration)"},
      {"/api/v1/query_range?query=1&start=0&end=11001&step=1",
       "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution "
       "(?step=XX)"},
      {"/api/v1/query_range?query=1&start=-1e308&end=1e308&step=1e10", "cannot parse"},
      {"/api/v1/series", "no match[] parameter provided"},
      {"/api/v1/series?match[]={}", "match[] must contain at least one non-empty matcher"},
      {"/api/v1/series?match[]=up[5m]", R"(invalid parameter \"match[]\")"},
      {"/api/v1/labels?start=abc", R"(invalid parameter \"start\")"},
      {"/api/v1/label/%ff/values", "invalid label name"},
      {"/api/v1/query_exemplars?query=up&start=2&end=1", "end timestamp must not be before start timestamp"},
      {"/api/v1/query_exemplars?start=1&end=2", R"(invalid parameter \"query\")"},
      {"/api/v1/format_query?query=up{", R"(invalid parameter \"query\")"},
      {"/api/v1/metadata?limit=abc", R"(invalid parameter \"limit\")"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.target);
    expect_error(get(one.target), 400, "bad_data", one.part);
  }
}

TEST_F(QueryApi, TakesTimesFarOutsideTheData) {
  for (const char* target :
       {"/api/v1/query?query=up&time=1763764800000", "/api/v1/query?query=up&time=-1763764800000",
        "/api/v1/query?query=up&time=1e300", "/api/v1/query?query=up&time=9223372036854775807",
        "/api/v1/query_exemplars?query=test&start=1763764800000&end=1763768400000",
        "/api/v1/labels?start=-1e300&end=-1e299"}) {
    SCOPED_TRACE(target);
    EXPECT_EQ(get(target).status, 200);
  }
}

TEST_F(QueryApi, CutsAtTheLimitAndSaysSo) {
  const Answer series = get("/api/v1/series?match[]=up&limit=1");
  const Answer vector = get(std::string("/api/v1/query?query=up&limit=1") + kAt);

  EXPECT_EQ(
      series.body,
      R"({"status":"success","data":[{"__name__":"up","job":"a"}],"warnings":["results truncated due to limit"]})"
      "\n");
  EXPECT_NE(vector.body.find(R"("warnings":["results truncated due to limit"])"), std::string::npos)
      << vector.body;
  EXPECT_EQ(vector.body.find("\"b\""), std::string::npos);
  EXPECT_EQ(get("/api/v1/series?match[]=up&limit=2").body.find("warnings"), std::string::npos);
}

TEST_F(QueryApi, ListsLabels) {
  EXPECT_EQ(get("/api/v1/labels").body, R"({"status":"success","data":["__name__","a b","job"]})"
                                        "\n");
  EXPECT_EQ(get("/api/v1/labels?match[]=up").body, R"({"status":"success","data":["__name__","job"]})"
                                                   "\n");
  EXPECT_EQ(get("/api/v1/labels?start=5&end=4").body, R"({"status":"success","data":[]})"
                                                      "\n");
  EXPECT_EQ(post("/api/v1/label/job/values", "").body, R"({"status":"success","data":["a","b"]})"
                                                       "\n");
  EXPECT_EQ(get("/api/v1/label/__name__/values").body, R"({"status":"success","data":["http.status","up"]})"
                                                       "\n");
}

TEST_F(QueryApi, UnescapesLabelNamesAndReplacesWhatIsNotUtf8) {
  const std::string wanted =
      "{\"status\":\"success\",\"data\":[\"\\u003cx\\u003e\\\"\\\\\\n\xef\xbf\xbd\"]}\n";

  EXPECT_EQ(get("/api/v1/label/U__a_20_b/values").body, wanted);
  EXPECT_EQ(get("/api/v1/label/a%20b/values").body, wanted);
}

TEST_F(QueryApi, ShowsStatsWhenAsked) {
  const Answer all = get(std::string("/api/v1/query?query=up&stats=all") + kAt);

  EXPECT_NE(all.body.find(R"("stats":{"timings":{"evalTotalTime":)"), std::string::npos) << all.body;
  EXPECT_NE(all.body.find(R"("totalQueryableSamples":2)"), std::string::npos) << all.body;
  EXPECT_EQ(get(std::string("/api/v1/query?query=up") + kAt).body.find("stats"), std::string::npos);
}

TEST_F(QueryApi, CompressesForThoseWhoAccept) {
  for (int i = 0; i < 100; ++i) store.add({{"__name__", "many"}, {"n", std::to_string(i)}}, kNowMs, i);

  const Answer packed = get("/api/v1/series?match[]=many", "Accept-Encoding: deflate, gzip;q=0.5\r\n");

  EXPECT_EQ(packed.header("content-encoding"), "gzip");
  EXPECT_TRUE(packed.body.starts_with("\x1f\x8b"));
  EXPECT_LT(packed.body.size(), 1500U);
  EXPECT_EQ(get("/api/v1/series?match[]=many").header("content-encoding"), "");
  EXPECT_EQ(get("/api/v1/series?match[]=many", "Accept-Encoding: gzip;q=0\r\n").header("content-encoding"),
            "");
  EXPECT_EQ(get("/api/v1/labels", "Accept-Encoding: gzip\r\n").header("content-encoding"), "")
      << "too short to gain";
}

TEST_F(QueryApi, FormatsQueries) {
  EXPECT_EQ(get("/api/v1/format_query?query=sum(rate(foo[5m]))by(x)").body,
            R"j({"status":"success","data":"sum by (x) (rate(foo[5m]))"})j"
            "\n");
}

TEST_F(QueryApi, ListsMetadata) {
  ASSERT_TRUE(
      store.put(kDefaultTenant, {{"up", "gauge", "Is it up?", ""}, {"x_total", "counter", "", "bytes"}})
          .ok());

  EXPECT_EQ(get("/api/v1/metadata").body,
            R"({"status":"success","data":{"up":[{"type":"gauge","help":"Is it up?","unit":""}],)"
            R"("x_total":[{"type":"counter","help":"","unit":"bytes"}]}})"
            "\n");
  EXPECT_EQ(get("/api/v1/metadata?metric=nosuch").body, R"({"status":"success","data":{}})"
                                                        "\n");
  EXPECT_EQ(get("/api/v1/metadata?limit=1").body.find("x_total"), std::string::npos);
}

TEST_F(QueryApi, Federates) {
  EXPECT_EQ(get("/federate?match[]=up&match[]={__name__=\"http.status\"}").body,
            "# TYPE \"http.status\" untyped\n"
            "{\"http.status\",\"a b\"=\"<x>\\\"\\\\\\n\xff\",instance=\"\"} 1 1700000000000\n"
            "# TYPE up untyped\n"
            "up{job=\"a\",instance=\"\"} 4 1700000000000\n"
            "up{job=\"b\",instance=\"\"} 0.4 1700000000000\n");
  EXPECT_EQ(get("/federate").body, "");
}

TEST_F(QueryApi, AnswersWhatGrafanaAsksAbout) {
  const Answer build = get("/api/v1/status/buildinfo");
  EXPECT_NE(build.body.find(R"("version":"3.)"), std::string::npos);
  EXPECT_EQ(build.body.find("\"features\""), std::string::npos) << "Grafana would take this for Mimir";
  EXPECT_EQ(get("/api/v1/rules?exclude_alerts=true").body, R"({"status":"success","data":{"groups":[]}})"
                                                           "\n");
  EXPECT_EQ(get("/api/v1/alerts").body, R"({"status":"success","data":{"alerts":[]}})"
                                        "\n");
  EXPECT_EQ(form("/api/v1/query_exemplars", "query=up&start=1&end=2").body,
            R"({"status":"success","data":[]})"
            "\n");
  for (const char* target :
       {"/api/v1/features", "/api/v1/status/runtimeinfo", "/api/v1/status/flags", "/api/v1/status/config",
        "/api/v1/status/tsdb", "/api/v1/targets", "/api/v1/alertmanagers"}) {
    SCOPED_TRACE(target);
    const Answer answer = get(target);
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.body.starts_with(R"({"status":"success","data":{)"));
    EXPECT_EQ(answer.header("x-content-type-options"), "nosniff");
  }
}

}  // namespace
}  // namespace silverback::api
