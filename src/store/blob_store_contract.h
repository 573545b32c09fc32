// What every BlobStore must do, whatever it stands on. A store's test instantiates it:
//   INSTANTIATE_TEST_SUITE_P(Local, BlobStoreContract, ::testing::Values(MakeLocalStoreForTest));
// The tests themselves are in blob_store_contract_test.cc of the same program.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "store/blob_store.h"

namespace millpond::store {

/// A fresh, empty store and whatever must live as long as it does.
struct StoreForTest {
  std::shared_ptr<BlobStore> store;
  std::shared_ptr<void> keeps;
};

using StoreMaker = std::function<StoreForTest()>;

class BlobStoreContract : public ::testing::TestWithParam<StoreMaker> {
 protected:
  BlobStoreContract() : made_(GetParam()()), store_(*made_.store) {}

  StoreForTest made_;
  BlobStore& store_;
};

}  // namespace millpond::store
