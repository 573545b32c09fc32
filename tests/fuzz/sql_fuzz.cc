// SQL text up to the gate, without a pond: the lexer's tokens tile the text, what was rewritten
// leads back to what was written, a statement is refused as invalid or denied or names its tables
// where they stand, and a policy's expression cannot reach beyond the brackets it is put in.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "query/engine.h"
#include "query/sql_lexer.h"
#include "query/sql_refs.h"
#include "query/statement.h"

using millpond::Result;
using millpond::Status;
using namespace millpond::query;

namespace {

void Demand(bool holds) {
  if (!holds) std::abort();
}

void DemandRefusal(const Status& status) {
  const auto kind = millpond::base::KindOf(status);
  Demand(kind == millpond::base::ErrorKind::kInvalid || kind == millpond::base::ErrorKind::kDenied);
}

Connection& Parser() {
  static const std::shared_ptr<Engine> engine = [] {
    EngineSettings settings;
    settings.readable_folder = "/nonexistent/";
    settings.memory_limit = 512 << 20;
    settings.threads = 1;
    return Engine::Open(settings).ValueOrDie();
  }();
  static const std::unique_ptr<Connection> connection = engine->Connect().ValueOrDie();
  return *connection;
}

void LexAny(std::string_view sql) {
  size_t at = 0;
  for (const Token& token : LexSql(sql)) {
    Demand(token.begin >= at && token.end > token.begin && token.end <= sql.size());
    Demand(TokenText(sql, token).size() <= token.end - token.begin);
    at = token.end;
  }
}

void RewriteAny(std::string_view sql) {
  const auto refs = RewriteRefs(sql);
  if (!refs.ok()) return DemandRefusal(refs.status());
  size_t before = 0;
  for (size_t at = 0; at <= refs->sql.size(); ++at) {
    const size_t source = refs->edits.SourceOffset(at);
    Demand(source >= before && source <= sql.size());
    before = source;
  }
  for (const auto& [begin, name] : refs->default_names) {
    Demand(begin < refs->sql.size() && !name.empty());
  }
}

// Names are replaced from left to right, so they must not overlap.
void ParseAny(std::string_view sql) {
  const auto statement = ParseStatement(Parser(), sql, {});
  if (!statement.ok()) return DemandRefusal(statement.status());
  size_t at = 0;
  for (const TableUse& use : statement->tables) {
    if (use.end == 0) continue;
    Demand(use.begin >= at && use.end > use.begin && use.end <= statement->sql.size());
    at = use.end;
    const auto tokens = LexSql(std::string_view(statement->sql).substr(0, use.end));
    Demand(!tokens.empty());
    const std::string name = TokenText(statement->sql, tokens.back());
    Demand(name.substr(0, name.find('@')) == use.name);
  }
}

void ParseAsExpression(std::string_view text) {
  const auto conditions = ParseExpression(Parser(), text, "fuzz");
  if (!conditions.ok()) return DemandRefusal(conditions.status());
  const std::string around = "SELECT 1 FROM t WHERE (" + std::string(text) + "\n) AND x";
  const auto statement = ParseStatement(Parser(), around, {});
  if (!statement.ok()) return DemandRefusal(statement.status());
  Demand(statement->tables.size() == 1 && statement->tables[0].name == "t");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;  // The parser's time grows faster than the text.
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  LexAny(text);
  RewriteAny(text);
  ParseAny(text);
  ParseAsExpression(text);
  return 0;
}
