// Functions of dates. UTC, Gregorian throughout.
#include <cmath>
#include <limits>
#include <utility>

#include "base/clock.h"
#include "query/function_table.h"

namespace silverback::query {
namespace {

constexpr std::int64_t kDaySeconds = 86'400;
// Beyond it (three hundred million years) a double no longer tells seconds apart well.
constexpr double kMaxSeconds = 1e16;

struct Date {
  std::int64_t year;
  int month;  // 1 to 12
  int day;    // 1 to 31
};

// Days since 1970-01-01 to a date. Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms",
// civil_from_days; std::chrono's years are 16 bits.
Date date_of(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = floor_div(days, 146'097);
  const std::int64_t of_era = days - era * 146'097;
  const std::int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
  const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted = (5 * of_year + 2) / 153;  // month, March is 0
  const int day = static_cast<int>(of_year - (153 * shifted + 2) / 5 + 1);
  const int month = static_cast<int>(shifted < 10 ? shifted + 3 : shifted - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

bool leap(std::int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int days_in_month(std::int64_t year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && leap(year) ? 29 : kDays[month - 1];
}

double year(std::int64_t s) { return static_cast<double>(date_of(floor_div(s, kDaySeconds)).year); }
double month(std::int64_t s) { return date_of(floor_div(s, kDaySeconds)).month; }
double day_of_month(std::int64_t s) { return date_of(floor_div(s, kDaySeconds)).day; }
double month_length(std::int64_t s) {
  const Date date = date_of(floor_div(s, kDaySeconds));
  return days_in_month(date.year, date.month);
}
double day_of_year(std::int64_t s) {
  const Date date = date_of(floor_div(s, kDaySeconds));
  int day = date.day;
  for (int m = 1; m < date.month; ++m) day += days_in_month(date.year, m);
  return day;
}
double day_of_week(std::int64_t s) {
  const std::int64_t days = floor_div(s, kDaySeconds) + 4;  // the first was a Thursday, Sunday is 0
  return static_cast<double>(days - floor_div(days, 7) * 7);
}
std::int64_t second_of_day(std::int64_t s) { return s - floor_div(s, kDaySeconds) * kDaySeconds; }
double hour(std::int64_t s) { return static_cast<double>(second_of_day(s) / 3600); }
double minute(std::int64_t s) { return static_cast<double>(second_of_day(s) / 60 % 60); }

// Without an argument: of the evaluation time.
template <double (*F)(std::int64_t)>
Result<Matrix> date(FunctionContext& context, Arguments& args) {
  if (args.size() == 0) {
    Matrix out = make_scalar(context.grid, 0);
    for (std::size_t step = 0; step < out.steps(); ++step)
      out.set(0, step, F(floor_div(context.grid.time(step), 1000)));
    return out;
  }
  Matrix matrix = args.take_vector(0);
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    for (double& v : matrix.values(row)) {
      v = std::fabs(v) <= kMaxSeconds ? F(static_cast<std::int64_t>(v))
                                      : std::numeric_limits<double>::quiet_NaN();
    }
  }
  return context.without_names(std::move(matrix));
}

// Start times of counters are not stored yet, so there are none; as upstream without use-start-timestamps.
Result<Matrix> start_timestamp(FunctionContext& context, Arguments&) { return Matrix(context.grid); }

constexpr FunctionEntry kEntries[] = {
    {"day_of_month", date<day_of_month>},
    {"day_of_week", date<day_of_week>},
    {"day_of_year", date<day_of_year>},
    {"days_in_month", date<month_length>},
    {"hour", date<hour>},
    {"minute", date<minute>},
    {"month", date<month>},
    {"start_timestamp", start_timestamp},
    {"year", date<year>},
};

}  // namespace

std::span<const FunctionEntry> time_functions() { return kEntries; }

}  // namespace silverback::query
