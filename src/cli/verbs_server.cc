// serve and token: the pond over the network.
#include "api/tokens.h"
#include "cli/invocation.h"
#include "cli/json_view.h"
#include "server/serve.h"

namespace millpond::cli {
namespace {

using base::Json;

Result<int> RunServe(Invocation& run, const server::ServeOptions& asked, bool no_auth) {
  ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
  server::ServeOptions options = asked;
  ARROW_ASSIGN_OR_RAISE(const bool has_tokens, api::HasTokens(*pond));
  options.auth = no_auth      ? server::AuthMode::kEverybody
                 : has_tokens ? server::AuthMode::kTokens
                              : server::AuthMode::kOwnToken;
  auto& terminal = run.terminal();
  ARROW_RETURN_NOT_OK(server::Serve(
      *pond, options,
      [&](const server::ServerReady& ready) {
        Json report = {{"url", ready.url}};
        if (!ready.token.empty()) report["token"] = ready.token;
        terminal.Document(report);
        terminal.Line("Iceberg REST catalog at " + ready.url);
        if (!ready.token.empty()) {
          terminal.Line("token, until this server stops: " + ready.token);
          terminal.Note("'millpond token create NAME' makes one that lasts");
        }
        if (no_auth) terminal.Note("no tokens are asked for: who can connect can change the pond");
        terminal.Note("ctrl-C stops it");
        terminal.Flush();
      },
      run.context()));
  return 0;
}

void AddServe(VerbSet& verbs) {
  auto options = std::make_shared<server::ServeOptions>();
  auto no_auth = std::make_shared<bool>(false);
  auto* verb =
      verbs.Add("serve", "Serve the pond over HTTP: an Iceberg REST catalog at /v1",
                {"millpond serve", "millpond serve --port 0 --json",
                 "millpond serve --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem"},
                [options, no_auth](Invocation& run) { return RunServe(run, *options, *no_auth); });
  verb->add_option("--host", options->host, "Address to listen on")->capture_default_str();
  verb->add_option("--port", options->port, "Port; 0 takes a free one")->capture_default_str();
  verb->add_option("--threads", options->threads, "Requests answered at once")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  verb->add_flag("--no-auth", *no_auth, "Ask for no token (on 127.0.0.1 only)");
  verb->add_option("--tls-cert", options->certificate_file, "Certificate chain, PEM");
  verb->add_option("--tls-key", options->key_file, "Private key, PEM");
}

void AddTokenCreate(VerbSet& verbs, CLI::App* parent) {
  auto request = std::make_shared<api::TokenRequest>();
  auto* verb = verbs.Add(
      "create", "Make a token and show it, once",
      {"millpond token create spark", "millpond token create ci --as ana@lab --days 30"},
      [request](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_ASSIGN_OR_RAISE(const Json report, api::CreateToken(*pond, *request));
        run.terminal().Document(report);
        run.terminal().Line(TextOf(report["token"]));
        run.terminal().Note("keep it: only its hash is stored");
        return 0;
      },
      parent);
  verb->add_option("name", request->name, "What it is for")->required();
  verb->add_option("--as", request->principal, "Who acts with it (default: you)");
  verb->add_option("--days", request->days, "Expires after that many days (default: never)");
}

void AddTokens(VerbSet& verbs) {
  auto* token = verbs.Add("token", "Make, list and revoke access tokens of the server",
                          {"millpond token create spark", "millpond token ls"}, nullptr);
  token->require_subcommand(1);
  AddTokenCreate(verbs, token);
  verbs.Add(
      "ls", "List tokens; their text is not kept", {"millpond token ls"},
      [](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_ASSIGN_OR_RAISE(const Json report, api::ListTokens(*pond));
        run.terminal().Document(report);
        std::vector<std::vector<std::string>> rows;
        for (const auto& one : report["tokens"]) {
          rows.push_back({TextOf(one["name"]), TextOf(one["principal"]), TextOf(one["created"]),
                          one["expires"].is_null() ? "never" : TextOf(one["expires"])});
        }
        run.terminal().Table({"name", "principal", "created", "expires"}, rows);
        return 0;
      },
      token);
  auto name = std::make_shared<std::string>();
  auto* revoke = verbs.Add(
      "revoke", "Make a token worthless", {"millpond token revoke spark"},
      [name](Invocation& run) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
        ARROW_RETURN_NOT_OK(api::RevokeToken(*pond, *name));
        run.terminal().Document({{"revoked", *name}});
        run.terminal().Line("revoked " + *name);
        return 0;
      },
      token);
  revoke->add_option("name", *name, "The token's name")->required();
}

}  // namespace

void AddServerVerbs(VerbSet& verbs) {
  AddServe(verbs);
  AddTokens(verbs);
}

}  // namespace millpond::cli
