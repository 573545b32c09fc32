// Civil time by Howard Hinnant's days_from_civil algorithms, in 64 bits so that no timestamp
// overflows.
#include "base/time.h"

#include <chrono>
#include <limits>
#include <optional>

namespace millpond::base {
namespace {

constexpr int64_t kMsPerDay = 86'400'000;

struct Civil {
  int64_t year;
  int64_t month;
  int64_t day;
};

int64_t FloorDivide(int64_t value, int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

int64_t DaysFromCivil(Civil date) {
  int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  int64_t era = FloorDivide(year, 400);
  int64_t year_of_era = year - era * 400;
  int64_t day_of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

Civil CivilFromDays(int64_t days) {
  days += 719468;
  int64_t era = FloorDivide(days, 146097);
  int64_t day_of_era = days - era * 146097;
  int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t shifted = (5 * day_of_year + 2) / 153;
  int64_t month = shifted + (shifted < 10 ? 3 : -9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month,
          day_of_year - (153 * shifted + 2) / 5 + 1};
}

// A cursor over the text; every reader leaves it where it stopped and answers whether it fitted.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool Digits(size_t count, int64_t* value) {
    if (rest_.size() < count) return false;
    *value = 0;
    for (char c : rest_.substr(0, count)) {
      if (c < '0' || c > '9') return false;
      *value = *value * 10 + (c - '0');
    }
    rest_.remove_prefix(count);
    return true;
  }
  bool Skip(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // A fraction of a second as milliseconds; further digits are cut.
  bool Fraction(int64_t* ms) {
    size_t count = 0;
    *ms = 0;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      if (count < 3) *ms = *ms * 10 + (rest_.front() - '0');
      ++count;
      rest_.remove_prefix(1);
    }
    for (size_t i = count; i < 3; ++i) *ms *= 10;
    return count > 0;
  }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// "T08:15[:30[.5]]" as milliseconds of the day.
std::optional<int64_t> ScanClock(Scanner* scanner) {
  int64_t hour = 0, minute = 0, second = 0, ms = 0;
  if (!scanner->Digits(2, &hour) || !scanner->Skip(':') || !scanner->Digits(2, &minute)) return {};
  if (scanner->Skip(':')) {
    if (!scanner->Digits(2, &second)) return {};
    if ((scanner->Skip('.') || scanner->Skip(',')) && !scanner->Fraction(&ms)) return {};
  }
  if (hour > 23 || minute > 59 || second > 59) return {};
  return ((hour * 60 + minute) * 60 + second) * 1000 + ms;
}

// "", "Z" or "+hh:mm" as milliseconds east of Greenwich.
std::optional<int64_t> ScanZone(Scanner* scanner) {
  if (scanner->done() || scanner->Skip('Z') || scanner->Skip('z')) return 0;
  bool west = scanner->Skip('-');
  if (!west && !scanner->Skip('+')) return {};
  int64_t hours = 0, minutes = 0;
  if (!scanner->Digits(2, &hours)) return {};
  if (!scanner->done()) {
    scanner->Skip(':');
    if (!scanner->Digits(2, &minutes)) return {};
  }
  if (hours > 18 || minutes > 59) return {};
  return (west ? -1 : 1) * (hours * 60 + minutes) * 60'000;
}

std::optional<int64_t> ScanTime(std::string_view text) {
  Scanner scanner(text);
  Civil date{};
  if (!scanner.Digits(4, &date.year) || !scanner.Skip('-') || !scanner.Digits(2, &date.month) ||
      !scanner.Skip('-') || !scanner.Digits(2, &date.day)) {
    return {};
  }
  std::chrono::year_month_day checked{std::chrono::year(static_cast<int>(date.year)),
                                      std::chrono::month(static_cast<unsigned>(date.month)),
                                      std::chrono::day(static_cast<unsigned>(date.day))};
  if (!checked.ok()) return {};
  int64_t ms = DaysFromCivil(date) * kMsPerDay;
  if (scanner.done()) return ms;
  if (!scanner.Skip('T') && !scanner.Skip('t') && !scanner.Skip(' ')) return {};
  std::optional<int64_t> clock = ScanClock(&scanner);
  if (!clock) return {};
  std::optional<int64_t> zone = ScanZone(&scanner);
  if (!zone || !scanner.done()) return {};
  return ms + *clock - *zone;
}

}  // namespace

int64_t NowMs() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::string FormatUtc(int64_t ms) {
  int64_t days = FloorDivide(ms, kMsPerDay);
  int64_t rest = ms % kMsPerDay;  // days * kMsPerDay could overflow.
  if (rest < 0) rest += kMsPerDay;
  Civil date = CivilFromDays(days);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", date.year, date.month, date.day,
                     rest / 3'600'000, rest / 60'000 % 60, rest / 1000 % 60, rest % 1000);
}

Result<int64_t> ParseTime(std::string_view text) {
  if (std::optional<int64_t> ms = ScanTime(text)) return *ms;
  return Invalid(
      "'{}' is not a time; write it as 2026-11-01, 2026-11-01T08:15:00Z or "
      "2026-11-01T08:15:00.250+01:00",
      text.substr(0, 80));
}

}  // namespace millpond::base
