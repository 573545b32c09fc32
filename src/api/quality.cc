// profile, suggest, check, clean and label: the curate and label rooms over the pond's session.
#include "api/quality.h"

#include <cerrno>
#include <fstream>
#include <iterator>

#include "curate/expectations.h"
#include "curate/profile.h"

namespace millpond::api {

using base::Json;

namespace {
constexpr size_t kDocumentLimit = 16 << 20;
}

Result<Document> ReadDocument(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return base::FromErrno(errno == 0 ? EIO : errno, "open " + path);
  Document document{
      .text = std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()),
      .origin = path};
  if (file.bad() || (document.text.empty() && file.fail() && errno != 0))
    return base::FromErrno(errno, "read " + path);
  if (document.text.size() > kDocumentLimit) {
    return base::Exhausted("'{}' is larger than 16 MiB; it does not look like a definition", path);
  }
  return document;
}

Result<Json> Profile(Pond& pond, const std::string& table, const std::vector<std::string>& columns,
                     const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  ARROW_ASSIGN_OR_RAISE(
      auto profile, curate::ProfileTable(*session, {.table = table, .columns = columns}, context));
  return curate::ToJson(profile);
}

Result<Json> SuggestSuite(Pond& pond, const std::string& table, const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  ARROW_ASSIGN_OR_RAISE(auto profile,
                        curate::ProfileTable(*session, {.table = table, .columns = {}}, context));
  return curate::ToJson(curate::SuggestSuite(profile));
}

Result<Json> Check(Pond& pond, const std::string& table, const Document& suite, int sample_limit,
                   const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto parsed, curate::ParseSuite(suite.text, suite.origin));
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  ARROW_ASSIGN_OR_RAISE(
      auto report,
      curate::Check(*session, parsed, {.table = table, .sample_limit = sample_limit}, context));
  return curate::ToJson(report);
}

Result<Json> Clean(Pond& pond, const Document& recipe, curate::CleanRequest request,
                   const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto parsed, curate::ParseRecipe(recipe.text, recipe.origin));
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  if (request.author.empty()) request.author = pond.author();
  ARROW_ASSIGN_OR_RAISE(auto report, curate::Clean(*session, parsed, request, context));
  return curate::ToJson(report);
}

Result<Json> Label(Pond& pond, label::LabelRequest request, const base::Context& context) {
  if (request.author.empty()) request.author = pond.author();
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  ARROW_ASSIGN_OR_RAISE(auto report, label::AddLabels(*session, request, context));
  return label::ToJson(report);
}

Result<Json> LabelSummaries(Pond& pond, const std::string& table, const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto session, pond.session());
  ARROW_ASSIGN_OR_RAISE(auto summaries, label::SummarizeLabels(*session, table, context));
  Json listed = Json::array();
  for (const auto& summary : summaries) listed.push_back(label::ToJson(summary));
  return Json{{"label_sets", std::move(listed)}};
}

}  // namespace millpond::api
