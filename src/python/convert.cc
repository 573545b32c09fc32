// Statuses to exceptions, JSON to Python objects and back, and calls that leave the GIL to others.
#include <chrono>
#include <future>
#include <optional>
#include <thread>

#include "python/bindings.h"

namespace millpond::python {

namespace nb = nanobind;
using base::Json;

namespace {

constexpr auto kSignalPoll = std::chrono::milliseconds(50);

base::ProgressListener ListenerOf(const nb::object& progress) {
  if (progress.is_none()) return {};
  // Copies of the listener are made and dropped without the GIL, so they share one reference.
  const std::shared_ptr<nb::object> callable(new nb::object(progress), [](nb::object* object) {
    const nb::gil_scoped_acquire gil;
    delete object;
  });
  return [callable](const base::Progress& step) {
    const nb::gil_scoped_acquire gil;
    try {
      (*callable)(step.phase, step.done, step.total, step.unit);
    } catch (nb::python_error& error) {
      error.discard_as_unraisable("progress callback");
    }
  };
}

Json IntegerToJson(nb::handle value) {
  int overflow = 0;
  const long long number = PyLong_AsLongLongAndOverflow(value.ptr(), &overflow);
  if (overflow == 0) return int64_t{number};
  const unsigned long long large = overflow > 0 ? PyLong_AsUnsignedLongLong(value.ptr()) : 0;
  if (overflow < 0 || PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    ThrowIfFailed(base::Invalid("an integer lies outside -2^63 to 2^64 - 1"));
  }
  return uint64_t{large};
}

}  // namespace

void ThrowIfFailed(const Status& status) {
  if (status.ok()) return;
  const auto& info = base::InfoOf(base::KindOf(status));
  const nb::object type =
      nb::module_::import_("millpond.errors").attr(std::string(info.python_exception).c_str());
  PyErr_SetString(type.ptr(), status.message().c_str());
  throw nb::python_error();
}

nb::object ToPython(const Json& value) {
  switch (value.type()) {
    case Json::value_t::boolean:
      return nb::bool_(value.get<bool>());
    case Json::value_t::number_integer:
      return nb::int_(value.get<int64_t>());
    case Json::value_t::number_unsigned:
      return nb::int_(value.get<uint64_t>());
    case Json::value_t::number_float:
      return nb::float_(value.get<double>());
    case Json::value_t::string: {
      const auto& text = value.get_ref<const std::string&>();
      return nb::str(text.data(), text.size());
    }
    case Json::value_t::array: {
      nb::list list;
      for (const auto& item : value) list.append(ToPython(item));
      return list;
    }
    case Json::value_t::object: {
      nb::dict dict;
      for (const auto& [key, item] : value.items())
        dict[nb::str(key.data(), key.size())] = ToPython(item);
      return dict;
    }
    default:
      return nb::none();
  }
}

Json ToJson(nb::handle value) {
  if (value.is_none()) return nullptr;
  if (nb::isinstance<nb::bool_>(value)) return nb::cast<bool>(value);
  if (nb::isinstance<nb::int_>(value)) return IntegerToJson(value);
  if (nb::isinstance<nb::float_>(value)) return nb::cast<double>(value);
  if (nb::isinstance<nb::str>(value)) return nb::cast<std::string>(value);
  if (nb::isinstance<nb::dict>(value)) {
    Json object = Json::object();
    for (auto [key, item] : nb::borrow<nb::dict>(value))
      object[nb::cast<std::string>(nb::str(key))] = ToJson(item);
    return object;
  }
  if (nb::isinstance<nb::list>(value) || nb::isinstance<nb::tuple>(value)) {
    Json array = Json::array();
    for (auto item : value) array.push_back(ToJson(item));
    return array;
  }
  const nb::str type = nb::str(nb::handle(reinterpret_cast<PyObject*>(Py_TYPE(value.ptr()))));
  throw nb::type_error(
      fmt::format("expected None, bool, int, float, str, dict or list, not {}", type.c_str())
          .c_str());
}

void RunWithoutGil(nb::object progress, const std::function<void(const base::Context&)>& work) {
  std::stop_source stop;
  base::Context context;
  context.stop = stop.get_token();
  context.progress = ListenerOf(progress);
  std::optional<nb::python_error> raised;  // By a signal handler.
  {
    const nb::gil_scoped_release release;
    auto done = std::async(std::launch::async, [&] { work(context); });
    while (done.wait_for(kSignalPoll) != std::future_status::ready) {
      const nb::gil_scoped_acquire gil;
      if (!raised && PyErr_CheckSignals() != 0) {
        raised.emplace();
        stop.request_stop();
      }
    }
    done.get();
  }
  if (raised) throw nb::python_error(*raised);
}

}  // namespace millpond::python
