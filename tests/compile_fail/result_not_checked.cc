// A Result cannot be taken for its value without looking at the error.
// expect: cannot convert .*arrow::Result<int>.* to .*int.*
#include "base/error.h"

arrow::Result<int> Answer();

int Careless() {
  int value = Answer();
  return value;
}
