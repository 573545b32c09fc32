// What every Ledger must do, whatever database it stands on. A ledger's test instantiates it:
//   INSTANTIATE_TEST_SUITE_P(Sqlite, LedgerContract, ::testing::Values(MakeSqliteLedgerForTest));
// The tests themselves are in ledger_contract_test.cc of the same program.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "ledger/ledger.h"

namespace millpond::ledger {

/// A fresh ledger, a way to open the same one again (as another process would), and whatever must
/// live as long.
struct LedgerForTest {
  std::shared_ptr<Ledger> ledger;
  std::function<Result<std::shared_ptr<Ledger>>()> open_again;
  std::shared_ptr<void> keeps;
};

using LedgerMaker = std::function<LedgerForTest()>;

class LedgerContract : public ::testing::TestWithParam<LedgerMaker> {
 protected:
  LedgerContract() : made_(GetParam()()), ledger_(*made_.ledger) {}

  LedgerForTest made_;
  Ledger& ledger_;
};

}  // namespace millpond::ledger
