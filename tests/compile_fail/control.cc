// The control: compiles with the same flags as the cases, so that their failures mean what they
// say.
#include "base/error.h"

arrow::Result<int> Answer() { return 42; }
