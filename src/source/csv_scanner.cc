// The CSV scanner: masks of special bytes, 64 at a time, drive a small state machine; most fields
// cost a few instructions.
#include "source/csv_scanner.h"

#include <bit>
#include <cstring>

#include "source/byte_mask.h"

namespace millpond::source {
namespace {

/// The value of a field that opens with a quote: quotes and escapes taken out; text after the
/// closing quote is kept.
void Unquote(std::string_view raw, const Dialect& dialect, std::string* out) {
  size_t at = raw.find(dialect.quote) + 1;
  bool inside = true;
  for (; at < raw.size(); ++at) {
    const char c = raw[at];
    if (inside && dialect.escape != 0 && c == dialect.escape && at + 1 < raw.size()) {
      out->push_back(raw[++at]);
    } else if (inside && c == dialect.quote) {
      if (at + 1 < raw.size() && raw[at + 1] == dialect.quote) {
        out->push_back(raw[++at]);
      } else {
        inside = false;
      }
    } else {
      out->push_back(c);
    }
  }
}

/// Where a field stands and what was seen in it.
struct RawField {
  size_t begin, end;
  bool quoted;
  bool plain;   ///< Quoted, without escapes, and the last byte is the closing quote.
  size_t open;  ///< Of the opening quote.
};

Field ToField(const RawField& raw, std::string_view text, const Dialect& dialect,
              std::string* arena) {
  Field field{};
  if (!raw.quoted) {
    field.begin = static_cast<uint32_t>(raw.begin);
    field.size = static_cast<uint32_t>(raw.end - raw.begin);
    return field;
  }
  field.quoted = 1;
  if (raw.plain) {
    field.begin = static_cast<uint32_t>(raw.open + 1);
    field.size = static_cast<uint32_t>(raw.end - raw.open - 2);
    return field;
  }
  field.in_arena = 1;
  const size_t before = arena->size();
  Unquote(text.substr(raw.begin, raw.end - raw.begin), dialect, arena);
  field.begin = static_cast<uint32_t>(before);
  field.size = static_cast<uint32_t>(arena->size() - before);
  return field;
}

bool OnlySpaces(const char* begin, const char* end) {
  while (begin < end && *begin == ' ') ++begin;
  return begin == end;
}

/// Finds every field and row of the text and tells the sink; the sink's Row returns false to stop.
template <bool kQuotes, class Sink>
class Scan {
 public:
  Scan(std::string_view text, const Dialect& dialect, Sink* sink)
      : text_(text), data_(text.data()), dialect_(dialect), sink_(sink) {}

  void Run() {
    const size_t size = text_.size();
    char tail[64];
    for (size_t chunk = 0; chunk < size; chunk += 64) {
      const char* block = data_ + chunk;
      if (size - chunk < 64) {
        std::memset(tail, 0, sizeof tail);
        std::memcpy(tail, block, size - chunk);
        block = tail;
      }
      uint64_t mask = MatchMask(block, dialect_.delimiter) | MatchMask(block, dialect_.newline);
      if constexpr (kQuotes) {
        mask |= MatchMask(block, dialect_.quote);
        if (dialect_.escape != 0) mask |= MatchMask(block, dialect_.escape);
      }
      for (; mask != 0; mask &= mask - 1) {
        const size_t at = chunk + static_cast<size_t>(std::countr_zero(mask));
        if (!Special(at)) return;
      }
    }
    if (row_begin_ < size) EndRow(size);
  }

 private:
  bool Special(size_t at) {
    const char c = data_[at];
    if constexpr (kQuotes) {
      if (at < skip_until_) return true;
      if (in_quotes_) {
        Inside(at, c);
        return true;
      }
      if (c == dialect_.quote) {
        MaybeOpen(at);
        return true;
      }
    }
    if (c == dialect_.newline) return EndRow(at);
    if (c == dialect_.delimiter) {
      EndField(at);
      field_begin_ = at + 1;
    }
    return true;
  }

  void Inside(size_t at, char c) {
    if (dialect_.escape != 0 && c == dialect_.escape && c != dialect_.quote) {
      skip_until_ = at + 2;
      escapes_ = true;
    } else if (c == dialect_.quote) {
      if (at + 1 < text_.size() && data_[at + 1] == dialect_.quote) {
        skip_until_ = at + 2;
        escapes_ = true;
      } else {
        in_quotes_ = false;
        close_ = at;
      }
    }
  }

  void MaybeOpen(size_t at) {
    if (quoted_) return;
    if (at != field_begin_ &&
        !(dialect_.skip_space && OnlySpaces(data_ + field_begin_, data_ + at)))
      return;
    in_quotes_ = quoted_ = true;
    open_ = at;
  }

  void EndField(size_t end) {
    const bool plain = quoted_ && !escapes_ && !in_quotes_ && close_ + 1 == end;
    sink_->Add(RawField{field_begin_, end, quoted_, plain, open_});
    in_quotes_ = quoted_ = escapes_ = false;
  }

  bool EndRow(size_t at) {
    size_t end = at;
    const bool strip = dialect_.newline == '\n' && !in_quotes_;
    if (strip && end > row_begin_ && data_[end - 1] == '\r') --end;
    if (end < field_begin_) end = field_begin_;
    EndField(end);
    const size_t begin = row_begin_;
    row_begin_ = field_begin_ = at + 1;
    return sink_->Row(begin, end);
  }

  const std::string_view text_;
  const char* const data_;
  const Dialect dialect_;
  Sink* const sink_;
  size_t field_begin_ = 0, row_begin_ = 0, skip_until_ = 0, open_ = 0, close_ = 0;
  bool in_quotes_ = false, quoted_ = false, escapes_ = false;
};

template <class Sink>
void RunScan(std::string_view text, const Dialect& dialect, Sink* sink) {
  if (dialect.quote != 0 && text.find(dialect.quote) != std::string_view::npos) {
    Scan<true, Sink>(text, dialect, sink).Run();
  } else {
    Scan<false, Sink>(text, dialect, sink).Run();
  }
}

class FixedSink {
 public:
  FixedSink(const Dialect& dialect, bool fill, ScannedRows* out)
      : dialect_(dialect), fill_(fill), columns_(out->columns), out_(out) {}

  void Add(const RawField& raw) {
    if (found_ < columns_) {
      out_->fields.push_back(ToField(raw, out_->text, dialect_, &out_->arena));
    } else if (raw.end > raw.begin) {
      surplus_ = true;
    }
    ++found_;
  }

  bool Row(size_t begin, size_t end) {
    const size_t found = found_;
    const bool surplus = surplus_;
    found_ = 0;
    surplus_ = false;
    if (found != columns_) {
      const bool blank = OnlySpaces(out_->text.data() + begin, out_->text.data() + end);
      const bool keep = found > columns_ ? !surplus : fill_ && !blank;
      if (!keep) {
        out_->fields.resize(out_->row_begin.size() * columns_);
        if (!blank)
          out_->ragged.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end),
                                  static_cast<uint32_t>(found)});
        return true;
      }
      for (size_t i = found; i < columns_; ++i) out_->fields.push_back(Field{});
    }
    out_->row_begin.push_back(static_cast<uint32_t>(begin));
    out_->row_end.push_back(static_cast<uint32_t>(end));
    return true;
  }

 private:
  const Dialect dialect_;
  const bool fill_;
  const size_t columns_;
  ScannedRows* const out_;
  size_t found_ = 0;
  bool surplus_ = false;
};

class LooseSink {
 public:
  LooseSink(std::string_view text, const Dialect& dialect, size_t max_rows, LooseRows* out)
      : text_(text), dialect_(dialect), max_rows_(max_rows), out_(out) {}

  void Add(const RawField& raw) {
    std::string arena;
    const Field field = ToField(raw, text_, dialect_, &arena);
    row_.emplace_back(field.in_arena ? arena : std::string(text_.substr(field.begin, field.size)));
    quoted_.push_back(raw.quoted);
  }

  bool Row(size_t begin, size_t end) {
    out_->rows.push_back(std::move(row_));
    out_->quoted.push_back(std::move(quoted_));
    out_->begin.push_back(begin);
    out_->end.push_back(end);
    row_.clear();
    quoted_.clear();
    return out_->rows.size() < max_rows_;
  }

 private:
  const std::string_view text_;
  const Dialect dialect_;
  const size_t max_rows_;
  LooseRows* const out_;
  std::vector<std::string> row_;
  std::vector<bool> quoted_;
};

/// The end of a quoted value that opens before `at`, or npos.
size_t FindClosingQuote(std::string_view text, const Dialect& dialect, size_t at) {
  while (at < text.size()) {
    if (dialect.escape == 0 || dialect.escape == dialect.quote) {
      at = text.find(dialect.quote, at);
      if (at == std::string_view::npos) return at;
    } else if (text[at] == dialect.escape) {
      at += 2;
      continue;
    } else if (text[at] != dialect.quote) {
      ++at;
      continue;
    }
    if (at + 1 < text.size() && text[at + 1] == dialect.quote) {
      at += 2;
    } else {
      return at;
    }
  }
  return std::string_view::npos;
}

bool OpensField(std::string_view text, const Dialect& dialect, size_t quote) {
  size_t before = quote;
  if (dialect.skip_space)
    while (before > 0 && text[before - 1] == ' ') --before;
  return before == 0 || text[before - 1] == dialect.delimiter ||
         text[before - 1] == dialect.newline;
}

}  // namespace

void ScanRows(std::string_view text, const Dialect& dialect, size_t columns, bool fill,
              ScannedRows* out) {
  out->text = text;
  out->columns = columns;
  out->arena.clear();
  out->fields.clear();
  out->row_begin.clear();
  out->row_end.clear();
  out->ragged.clear();
  FixedSink sink(dialect, fill, out);
  RunScan(text, dialect, &sink);
}

LooseRows ScanLoose(std::string_view text, const Dialect& dialect, size_t max_rows) {
  LooseRows out;
  LooseSink sink(text, dialect, max_rows, &out);
  RunScan(text, dialect, &sink);
  return out;
}

RowEnd FindRowEnd(std::string_view text, const Dialect& dialect) {
  RowEnd end;
  size_t segment = 0;  // Bytes from here to the next opening quote are outside quotes.
  const auto note_newline = [&](size_t until) {
    const size_t at = text.substr(segment, until - segment).rfind(dialect.newline);
    if (at != std::string_view::npos) end.complete = segment + at + 1;
  };
  size_t at = 0;
  while (dialect.quote != 0) {
    const size_t quote = text.find(dialect.quote, at);
    if (quote == std::string_view::npos) break;
    at = quote + 1;
    if (!OpensField(text, dialect, quote)) continue;
    note_newline(quote);
    const size_t close = FindClosingQuote(text, dialect, quote + 1);
    if (close == std::string_view::npos) {
      end.open_quote = true;
      return end;
    }
    segment = at = close + 1;
  }
  note_newline(text.size());
  return end;
}

int64_t CountByte(std::string_view text, char byte) {
  int64_t count = 0;
  size_t at = 0;
  for (; at + 64 <= text.size(); at += 64)
    count += std::popcount(MatchMask(text.data() + at, byte));
  for (; at < text.size(); ++at) count += text[at] == byte ? 1 : 0;
  return count;
}

bool IsAscii(std::string_view text) {
  size_t at = 0;
  for (; at + 64 <= text.size(); at += 64) {
    uint64_t words[8];
    std::memcpy(words, text.data() + at, 64);
    uint64_t all = 0;
    for (uint64_t word : words) all |= word;
    if ((all & 0x8080808080808080ULL) != 0) return false;
  }
  for (; at < text.size(); ++at)
    if ((text[at] & 0x80) != 0) return false;
  return true;
}

}  // namespace millpond::source
