// Experiments and runs over a real ledger and store: params, metrics, artifacts, comparisons.
#include "track/runs.h"

#include <bit>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <set>
#include <thread>

#include "base/error_matchers.h"
#include "base/hash.h"
#include "query/scratch_pond_testing.h"
#include "track/run_rows.h"

namespace millpond::track {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;
using base::IsError;
using base::IsOk;
using base::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

class RunsTest : public ::testing::Test {
 protected:
  RunStart Of(const std::string& experiment) const {
    RunStart start;
    start.experiment = experiment;
    start.author = "ana";
    start.code_folder = folder_.path();
    return start;
  }
  track::Run Start(const std::string& experiment = "größe") {
    return tracker_.Start(Of(experiment)).ValueOrDie();
  }

  static RunFilter By(std::string RunFilter::* field, const std::string& value) {
    RunFilter filter;
    filter.*field = value;
    return filter;
  }

  base::TemporaryFolder folder_;
  query::ScratchPond pond_;
  Tracker tracker_{pond_.ledger(), pond_.store()};
};

TEST_F(RunsTest, StartsAreNumberedWithinTheirExperiment) {
  EXPECT_EQ(Start("a").name, "a-1");
  EXPECT_EQ(Start("a").name, "a-2");
  EXPECT_EQ(Start("b").name, "b-1");
  const auto experiments = tracker_.Experiments().ValueOrDie();
  ASSERT_EQ(experiments.size(), 2U);
  EXPECT_EQ(experiments[1].name, "b");
  EXPECT_THAT(tracker_.CreateExperiment("a", ""), IsError(ErrorKind::kAlreadyExists));
  ASSERT_THAT(tracker_.CreateExperiment("c", "why"), IsOk());
  EXPECT_EQ(tracker_.Experiments().ValueOrDie()[2].description, "why");
}

TEST_F(RunsTest, StartsSayWhatTheyNeed) {
  EXPECT_THAT(tracker_.Start(Of("")), IsError(ErrorKind::kInvalid));
  RunStart nobody = Of("a");
  nobody.author.clear();
  EXPECT_THAT(tracker_.Start(nobody), IsError(ErrorKind::kInvalid, HasSubstr("author")));
  RunStart list = Of("a");
  list.environment = Json::array();
  EXPECT_THAT(tracker_.Start(list), IsError(ErrorKind::kInvalid, HasSubstr("environment")));
  RunStart key = Of("a");
  key.params["bad\nkey"] = 1;
  EXPECT_THAT(tracker_.Start(key), IsError(ErrorKind::kInvalid, HasSubstr("param")));
  EXPECT_TRUE(tracker_.List({}).ValueOrDie().empty()) << "nothing half-written";
}

TEST_F(RunsTest, EverythingComesBack) {
  RunStart start = Of("a");
  start.name = "first try";
  start.dataset = "reviews@v3";
  start.dataset_hash = "h";
  start.code_commit = "abc";
  start.environment = {{"python", "3.11"}};
  start.params = {{"lr", 0.1}, {"layers", {64, 32}}, {"name", "größe"}, {"none", nullptr}};
  start.tags = {{"team", "vision"}};
  const track::Run run = tracker_.Start(start).ValueOrDie();
  const auto details = tracker_.Show(run.id.substr(0, 13)).ValueOrDie();
  EXPECT_EQ(ToJson(details.run), ToJson(run));
  EXPECT_EQ(details.run.status, "running");
  EXPECT_FALSE(details.run.ended_ms);
  EXPECT_EQ(details.params, start.params);
  EXPECT_EQ(details.tags, start.tags);
  EXPECT_EQ(tracker_.Find("first try").ValueOrDie().id, run.id);
  EXPECT_THAT(tracker_.Find("nowhere"), IsError(ErrorKind::kNotFound));
  EXPECT_THAT(tracker_.Find(""), IsError(ErrorKind::kNotFound));
  ASSERT_THAT(tracker_.Start(start), IsOk());
  EXPECT_THAT(tracker_.Find("first try"), IsError(ErrorKind::kInvalid, HasSubstr("several")));
}

TEST_F(RunsTest, ParamsAreSetOnce) {
  const track::Run run = Start();
  ASSERT_THAT(tracker_.LogParams(run.id, {{"lr", 0.1}, {"seed", 1}}), IsOk());
  ASSERT_THAT(tracker_.LogParams(run.id, {{"lr", 0.1}, {"new", true}}), IsOk());
  EXPECT_THAT(tracker_.LogParams(run.id, {{"other", 1}, {"lr", 0.2}}),
              IsError(ErrorKind::kConflict, HasSubstr("'lr'")));
  EXPECT_THAT(tracker_.LogParams(run.id, {{"seed", "1"}}), IsError(ErrorKind::kConflict))
      << "a text is no number";
  EXPECT_EQ(tracker_.Show(run.id).ValueOrDie().params,
            (std::map<std::string, Json>{{"lr", 0.1}, {"new", true}, {"seed", 1}}));
  EXPECT_THAT(tracker_.LogParams("no-such-run", {}), IsError(ErrorKind::kNotFound));
}

TEST_F(RunsTest, MetricsKeepEveryDouble) {
  const track::Run run = Start();
  const std::vector<double> values = {0.1,     -0.0, 5e-324,    1.7976931348623157e308,
                                      1.0 / 3, kNan, kInfinity, -kInfinity};
  std::vector<MetricPoint> points;
  for (size_t i = 0; i < values.size(); ++i) {
    points.push_back({"val/loss", static_cast<int64_t>(i), values[i], 7});
  }
  ASSERT_THAT(tracker_.LogMetrics(run.id, points), IsOk());
  const auto back = tracker_.Metric(run.id, "val/loss").ValueOrDie();
  ASSERT_EQ(back.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(std::bit_cast<uint64_t>(back[i].value), std::bit_cast<uint64_t>(values[i])) << i;
    EXPECT_EQ(back[i].recorded_ms, 7);
  }
  ASSERT_THAT(tracker_.LogMetrics(run.id, {{"val/loss", 0, 9.0}}), IsOk());
  EXPECT_EQ(tracker_.Metric(run.id, "val/loss").ValueOrDie()[0].value, 9.0) << "replaced";
  EXPECT_THAT(tracker_.LogMetrics(run.id, {{"", 0, 1.0}}), IsError(ErrorKind::kInvalid));
  EXPECT_TRUE(tracker_.Metric(run.id, "absent").ValueOrDie().empty());
}

TEST_F(RunsTest, SummariesAgreeWithSlowCode) {
  const track::Run run = Start();
  std::mt19937 random(2);  // NOLINT(cert-msc51-cpp): the same every time.
  std::map<std::string, std::map<int64_t, double>> said;
  std::vector<MetricPoint> points;
  for (int i = 0; i < 200; ++i) {
    const std::string key = random() % 2 == 0 ? "a" : "b";
    const auto step = static_cast<int64_t>(random() % 300) - 100;
    const double value = random() % 9 == 0 ? kNan : static_cast<double>(random() % 100);
    said[key][step] = value;
    points.push_back({key, step, value});
  }
  points.push_back({"only nan", 0, kNan});
  ASSERT_THAT(tracker_.LogMetrics(run.id, points), IsOk());
  const auto metrics = tracker_.Show(run.id).ValueOrDie().metrics;
  ASSERT_EQ(metrics.size(), 3U);
  for (const MetricSummary& metric : metrics) {
    if (metric.key == "only nan") {
      EXPECT_TRUE(std::isnan(metric.min) && std::isnan(metric.max));
      continue;
    }
    const auto& values = said.at(metric.key);
    double low = kInfinity, high = -kInfinity;
    for (const auto& [step, value] : values) {
      if (!std::isnan(value)) {
        low = std::min(low, value);
        high = std::max(high, value);
      }
    }
    EXPECT_EQ(metric.points, static_cast<int64_t>(values.size()));
    EXPECT_EQ(metric.last_step, values.rbegin()->first);
    EXPECT_EQ(metric.min, low);
    EXPECT_EQ(metric.max, high);
  }
  EXPECT_EQ(ToJson(tracker_.Show(run.id).ValueOrDie())["metrics"]["only nan"]["last"], "NaN");
}

TEST_F(RunsTest, RunsEndOnce) {
  const track::Run run = Start();
  EXPECT_THAT(tracker_.Finish(run.id, "finishd"),
              IsError(ErrorKind::kInvalid, HasSubstr("Did you mean 'finished'")));
  EXPECT_EQ(tracker_.Finish(run.id, "failed", "out of memory").ValueOrDie().status, "failed");
  EXPECT_THAT(tracker_.Finish(run.id, "finished"), IsError(ErrorKind::kConflict));
  const track::Run ended = tracker_.Find(run.id).ValueOrDie();
  EXPECT_EQ(ended.error, "out of memory");
  EXPECT_GE(*ended.ended_ms, ended.started_ms);
}

TEST_F(RunsTest, ListsNewestFirstAndFilters) {
  RunStart with = Of("a");
  with.dataset = "d@v1";
  const track::Run first = tracker_.Start(with).ValueOrDie();
  const track::Run second = Start("a"), third = Start("b");
  ASSERT_THAT(tracker_.Finish(second.id, "finished"), IsOk());
  const auto ids = [&](const RunFilter& filter) {
    std::set<std::string> found;
    for (const track::Run& run : tracker_.List(filter).ValueOrDie()) found.insert(run.id);
    return found;
  };
  EXPECT_EQ(ids({}).size(), 3U);
  EXPECT_EQ(ids(By(&RunFilter::experiment, "a")), (std::set{first.id, second.id}));
  EXPECT_EQ(ids(By(&RunFilter::status, "running")), (std::set{first.id, third.id}));
  EXPECT_EQ(ids(By(&RunFilter::dataset, "d@v1")), (std::set{first.id}));
  RunFilter two;
  two.limit = 2;
  EXPECT_EQ(tracker_.List(two).ValueOrDie().size(), 2U);
  const auto all = tracker_.List({}).ValueOrDie();
  EXPECT_GE(all[0].started_ms, all[2].started_ms);
}

TEST_F(RunsTest, ComparesWhatDiffers) {
  RunStart one = Of("a");
  one.params = {{"lr", 0.1}, {"seed", 1}};
  RunStart two = Of("a");
  two.params = {{"lr", 0.2}, {"seed", 1}, {"extra", "x"}};
  two.dataset = "d";
  const track::Run first = tracker_.Start(one).ValueOrDie(),
                   second = tracker_.Start(two).ValueOrDie();
  ASSERT_THAT(tracker_.LogMetrics(first.id, {{"acc", 1, 0.5}, {"acc", 2, 0.6}}), IsOk());
  ASSERT_THAT(tracker_.LogMetrics(second.id, {{"acc", 1, 0.6}}), IsOk());
  const Json compared = tracker_.Compare({first.id, second.name}).ValueOrDie();
  EXPECT_EQ(compared["params"]["lr"], Json({0.1, 0.2}));
  EXPECT_EQ(compared["params"]["extra"], Json({nullptr, "x"}));
  EXPECT_EQ(compared["metrics"]["acc"], Json({0.6, 0.6}));
  EXPECT_EQ(compared["differs"], Json({"dataset", "extra", "lr"}));
  EXPECT_THAT(tracker_.Compare({first.id}), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(tracker_.Compare({first.id, "nowhere"}), IsError(ErrorKind::kNotFound));
}

TEST_F(RunsTest, ArtifactsAreKeptOnceAndChecked) {
  const track::Run run = Start(), other = Start();
  const std::string bytes("model\0bytes", 11);
  const auto artifact = tracker_.LogArtifact(run.id, "plots/größe.bin", bytes).ValueOrDie();
  EXPECT_EQ(artifact.sha256, base::Sha256Hex(bytes));
  EXPECT_EQ(artifact.size, 11);
  EXPECT_EQ(tracker_.LogArtifact(other.id, "same", bytes).ValueOrDie().blob, artifact.blob);
  EXPECT_EQ(tracker_.ReadArtifact(run.id, "plots/größe.bin").ValueOrDie(), bytes);
  EXPECT_THAT(tracker_.ReadArtifact(run.id, "plots/größe.bin", 5), IsError(ErrorKind::kExhausted));
  EXPECT_THAT(tracker_.ReadArtifact(run.id, "plots/grosse.bin"), IsError(ErrorKind::kNotFound));
  ASSERT_THAT(tracker_.LogArtifact(run.id, "plots/größe.bin", "new"), IsOk());
  EXPECT_EQ(tracker_.ReadArtifact(run.id, "plots/größe.bin").ValueOrDie(), "new");
  EXPECT_EQ(tracker_.ReadArtifact(other.id, "same").ValueOrDie(), bytes);
  EXPECT_EQ(tracker_.LogArtifact(run.id, "empty", "").ValueOrDie().size, 0);
  EXPECT_EQ(tracker_.ReadArtifact(run.id, "empty").ValueOrDie(), "");
  for (const char* path : {"", "/x", "a/../b", "..", "a//b", "a/", "x\ny", "."}) {
    EXPECT_THAT(tracker_.LogArtifact(run.id, path, "x"), IsError(ErrorKind::kInvalid)) << path;
  }
}

TEST_F(RunsTest, ArtifactFilesComeAndGo) {
  const track::Run run = Start();
  const std::string file = folder_ / "weights", out = folder_ / "out";
  std::string large(3 << 20, 'x');
  large[1 << 20] = 'y';
  std::ofstream(file, std::ios::binary) << large;
  ASSERT_THAT(tracker_.LogArtifactFile(run.id, "w", file), IsOk());
  ASSERT_THAT(tracker_.SaveArtifact(run.id, "w", out), IsOk());
  std::ifstream in(out, std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), large);
  EXPECT_THAT(tracker_.SaveArtifact(run.id, "w", out), IsError(ErrorKind::kAlreadyExists));
  EXPECT_THAT(tracker_.LogArtifactFile(run.id, "f", folder_.path()),
              IsError(ErrorKind::kInvalid, HasSubstr("folder")));
  EXPECT_FALSE(tracker_.LogArtifactFile(run.id, "f", folder_ / "absent").ok());
  EXPECT_EQ(tracker_.Show(run.id).ValueOrDie().artifacts.size(), 1U);
  // A damaged blob is told, and no half file stays.
  const auto blob = tracker_.Show(run.id).ValueOrDie().artifacts[0].blob;
  const fs::path stored = fs::path(pond_.folder().path()) / "truth" / blob;
  fs::permissions(stored, fs::perms::owner_all);
  std::ofstream(stored, std::ios::binary | std::ios::in).write("z", 1);
  EXPECT_THAT(tracker_.ReadArtifact(run.id, "w"), IsError(ErrorKind::kCorrupt, HasSubstr("w")));
  EXPECT_THAT(tracker_.SaveArtifact(run.id, "w", folder_ / "bad"), IsError(ErrorKind::kCorrupt));
  EXPECT_FALSE(fs::exists(folder_ / "bad"));
}

TEST_F(RunsTest, ManyWritersAtOnce) {
  const track::Run run = Start();
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 10; ++i) {
          failed += !tracker_.LogMetrics(run.id, {{"m", t * 10 + i, 1.0}}).ok();
          failed += !tracker_.LogArtifact(run.id, fmt::format("{}-{}", t, i), "same").ok();
        }
        failed += !tracker_.Start(Of("busy")).ok();
      });
    }
  }
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(tracker_.Metric(run.id, "m").ValueOrDie().size(), 40U);
  EXPECT_EQ(tracker_.Show(run.id).ValueOrDie().artifacts.size(), 40U);
  std::set<std::string> names;
  for (const track::Run& busy : tracker_.List(By(&RunFilter::experiment, "busy")).ValueOrDie())
    names.insert(busy.name);
  EXPECT_THAT(names, ElementsAre("busy-1", "busy-2", "busy-3", "busy-4"));
}

TEST(RunRowsTest, RowsThatAreNoRunsAreCorrupt) {
  EXPECT_THAT(RunFromRow({{"run_id", std::string("x")}}), IsError(ErrorKind::kCorrupt));
  const ledger::Row point = {{"key", std::string("k")},
                             {"step", int64_t{1}},
                             {"value", std::string("fast")},
                             {"recorded_ms", int64_t{1}}};
  EXPECT_THAT(PointFromRow(point), IsError(ErrorKind::kCorrupt, HasSubstr("'fast'")));
  EXPECT_EQ(ParamText({{"b", 1}, {"a", 2}}), ParamText({{"a", 2}, {"b", 1}}));
  EXPECT_NE(ParamText(1), ParamText("1"));
  EXPECT_TRUE(Summarize({}).empty());
}

/// A repository as git lays one out.
class GitCommitTest : public ::testing::Test {
 protected:
  void File(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }

  const std::string one_ = std::string(40, 'a'), two_ = std::string(40, 'b');
  base::TemporaryFolder folder_;
};

TEST_F(GitCommitTest, BranchesDetachedHeadsAndPackedRefs) {
  EXPECT_EQ(GitCommitOf(folder_.path()), "");
  File(".git/HEAD", "ref: refs/heads/main\n");
  EXPECT_EQ(GitCommitOf(folder_.path()), "") << "no commit yet";
  File(".git/packed-refs", "# pack-refs with: peeled\n" + two_ + " refs/heads/other\n" + one_ +
                               " refs/heads/main\n^" + two_ + "\n");
  EXPECT_EQ(GitCommitOf(folder_.path()), one_);
  File(".git/refs/heads/main", two_ + "\n");
  EXPECT_EQ(GitCommitOf(folder_.path()), two_) << "a loose ref is newer than a packed one";
  fs::create_directories(folder_ / "src/deep");
  EXPECT_EQ(GitCommitOf(folder_ / "src/deep"), two_);
  EXPECT_EQ(GitCommitOf(folder_ / "src/deep/"), two_);
  EXPECT_EQ(GitCommitOf(folder_ / "not/there"), two_) << "the nearest folder above";
  File(".git/HEAD", one_ + "\n");
  EXPECT_EQ(GitCommitOf(folder_.path()), one_);
  File(".git/HEAD", "nonsense\n");
  EXPECT_EQ(GitCommitOf(folder_.path()), "");
}

TEST_F(GitCommitTest, ALinkedWorkTreeHasItsOwnHead) {
  File("main/.git/refs/heads/topic", two_);
  File("main/.git/worktrees/topic/HEAD", "ref: refs/heads/topic\n");
  File("main/.git/worktrees/topic/commondir", "../..\n");
  File("topic/.git", "gitdir: ../main/.git/worktrees/topic\n");
  EXPECT_EQ(GitCommitOf(folder_ / "topic"), two_);
  File("odd/.git", "something else\n");
  EXPECT_EQ(GitCommitOf(folder_ / "odd"), "");
}

}  // namespace
}  // namespace millpond::track
