// PostgreSQL's client library, opened when the first PostgreSQL ledger is: libpq uses the system's
// OpenSSL, which must not share a link scope with the one inside libparquet, so it is never linked
// (docs/design/openssl.md). Everyone calls it through this table.
#pragma once

#include <libpq-fe.h>

#include "base/error.h"

namespace millpond::ledger {

struct Libpq {
  decltype(&::PQconnectdbParams) connect;
  decltype(&::PQfinish) finish;
  decltype(&::PQstatus) status;
  decltype(&::PQtransactionStatus) transaction_status;
  decltype(&::PQserverVersion) server_version;
  decltype(&::PQerrorMessage) error_message;
  decltype(&::PQconnectionNeedsPassword) needs_password;
  decltype(&::PQconnectionUsedPassword) used_password;
  decltype(&::PQsocket) socket;
  decltype(&::PQsetnonblocking) set_nonblocking;
  decltype(&::PQenterPipelineMode) enter_pipeline_mode;
  decltype(&::PQpipelineSync) pipeline_sync;
  decltype(&::PQsendQueryParams) send_query;
  decltype(&::PQflush) flush;
  decltype(&::PQconsumeInput) consume_input;
  decltype(&::PQisBusy) is_busy;
  decltype(&::PQgetResult) get_result;
  decltype(&::PQresultStatus) result_status;
  decltype(&::PQresultErrorField) result_error_field;
  decltype(&::PQntuples) rows;
  decltype(&::PQnfields) columns;
  decltype(&::PQfname) column_name;
  decltype(&::PQftype) column_type;
  decltype(&::PQgetisnull) is_null;
  decltype(&::PQgetvalue) value;
  decltype(&::PQgetlength) length;
  decltype(&::PQcmdTuples) changed_rows;
  decltype(&::PQclear) clear;
  decltype(&::PQconninfoParse) parse_connection_info;
  decltype(&::PQconninfoFree) free_connection_info;
  decltype(&::PQfreemem) free_memory;
  decltype(&::PQsetNoticeReceiver) set_notice_receiver;
};

/// kUnavailable names the package to install where the library is missing, kInvalid where it is
/// older than version 14.
Result<const Libpq*> LoadLibpq();

}  // namespace millpond::ledger
