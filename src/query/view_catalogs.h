// The views that stand for the table versions of a query, each set of them in an in-memory catalog
// of the engine that only statements rewritten by the planner can name. To make views costs as much
// as a short query, and the views of the same versions under the same policy never change, so the
// latest catalogs stay for the next query. Used by planner.cc and session.cc. Thread safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "query/engine.h"

namespace millpond::query {

struct View {
  std::string schema, name;
  std::string relation;  ///< The SELECT that it stands for.
};

/// A catalog in use: it stays as long as somebody holds it.
class ViewCatalog {
 public:
  ViewCatalog(std::shared_ptr<Engine> engine, std::string name, std::string setup)
      : engine_(std::move(engine)), name_(std::move(name)), setup_(std::move(setup)) {}
  ~ViewCatalog();
  ViewCatalog(const ViewCatalog&) = delete;
  ViewCatalog& operator=(const ViewCatalog&) = delete;

  const std::string& name() const { return name_; }

  /// Makes the views where nobody did yet; a failure leaves nothing behind.
  Status Open(Connection& connection);

 private:
  const std::shared_ptr<Engine> engine_;
  const std::string name_, setup_;
  std::mutex mutex_;
  bool open_ = false;
};

class ViewCatalogs {
 public:
  explicit ViewCatalogs(std::shared_ptr<Engine> engine) : engine_(std::move(engine)) {}

  /// The catalog of exactly these views, to be opened before it is used.
  std::shared_ptr<ViewCatalog> Take(const std::vector<View>& views);

  /// A catalog of these views that nobody else gets: for a query that puts rows of its own there.
  std::shared_ptr<ViewCatalog> Make(const std::vector<View>& views);

 private:
  struct Kept {
    std::string views;  // As text.
    std::shared_ptr<ViewCatalog> catalog;
  };
  const std::shared_ptr<Engine> engine_;
  std::atomic<int64_t> made_{0};
  std::mutex mutex_;
  std::list<Kept> kept_;  // Latest first.
};

}  // namespace millpond::query
