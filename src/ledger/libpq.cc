// Opens libpq in a scope of its own, once per process, and never closes it.
#include "ledger/libpq.h"

#include <dlfcn.h>

namespace millpond::ledger {
namespace {

constexpr const char* kLibrary = "libpq.so.5";

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// The sanitizers refuse RTLD_DEEPBIND. Their programs have libparquet in no scope that libpq sees.
constexpr int kScope = RTLD_LOCAL;
#else
constexpr int kScope = RTLD_LOCAL | RTLD_DEEPBIND;
#endif

template <class Function>
bool Find(void* library, const char* name, Function* function) {
  *function = reinterpret_cast<Function>(::dlsym(library, name));
  return *function != nullptr;
}

bool FindAll(void* library, Libpq* table) {
  return Find(library, "PQconnectdbParams", &table->connect) &&
         Find(library, "PQfinish", &table->finish) && Find(library, "PQstatus", &table->status) &&
         Find(library, "PQtransactionStatus", &table->transaction_status) &&
         Find(library, "PQserverVersion", &table->server_version) &&
         Find(library, "PQerrorMessage", &table->error_message) &&
         Find(library, "PQconnectionNeedsPassword", &table->needs_password) &&
         Find(library, "PQconnectionUsedPassword", &table->used_password) &&
         Find(library, "PQsocket", &table->socket) &&
         Find(library, "PQsetnonblocking", &table->set_nonblocking) &&
         Find(library, "PQenterPipelineMode", &table->enter_pipeline_mode) &&
         Find(library, "PQpipelineSync", &table->pipeline_sync) &&
         Find(library, "PQsendQueryParams", &table->send_query) &&
         Find(library, "PQflush", &table->flush) &&
         Find(library, "PQconsumeInput", &table->consume_input) &&
         Find(library, "PQisBusy", &table->is_busy) &&
         Find(library, "PQgetResult", &table->get_result) &&
         Find(library, "PQresultStatus", &table->result_status) &&
         Find(library, "PQresultErrorField", &table->result_error_field) &&
         Find(library, "PQntuples", &table->rows) && Find(library, "PQnfields", &table->columns) &&
         Find(library, "PQfname", &table->column_name) &&
         Find(library, "PQftype", &table->column_type) &&
         Find(library, "PQgetisnull", &table->is_null) &&
         Find(library, "PQgetvalue", &table->value) &&
         Find(library, "PQgetlength", &table->length) &&
         Find(library, "PQcmdTuples", &table->changed_rows) &&
         Find(library, "PQclear", &table->clear) &&
         Find(library, "PQconninfoParse", &table->parse_connection_info) &&
         Find(library, "PQconninfoFree", &table->free_connection_info) &&
         Find(library, "PQfreemem", &table->free_memory) &&
         Find(library, "PQsetNoticeReceiver", &table->set_notice_receiver);
}

Result<Libpq> Load() {
  void* library = ::dlopen(kLibrary, RTLD_NOW | RTLD_NODELETE | kScope);
  if (library == nullptr) {
    const char* why = ::dlerror();  // NOLINT(concurrency-mt-unsafe): glibc keeps one per thread.
    return base::Unavailable(
        "a PostgreSQL ledger needs PostgreSQL's client library: install the package libpq5 "
        "(Debian, Ubuntu) or libpq (Fedora, Alpine, Homebrew); {}",
        why == nullptr ? kLibrary : why);
  }
  Libpq table{};
  if (!FindAll(library, &table)) {
    return base::Invalid("the {} of this machine is too old; install libpq 14 or newer", kLibrary);
  }
  return table;
}

}  // namespace

Result<const Libpq*> LoadLibpq() {
  static const Result<Libpq> loaded = Load();
  ARROW_RETURN_NOT_OK(loaded.status());
  return &*loaded;
}

}  // namespace millpond::ledger
