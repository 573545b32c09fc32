// A text with replacements and the way back from a position in the new text to the old one, so that
// errors point into what the user wrote. Used by sql_refs.cc and statement.cc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace millpond::query {

class TextEdits {
 public:
  explicit TextEdits(std::string_view source) : source_(source) {}

  /// Replaces bytes [begin, end) of the source. Call with ascending, disjoint ranges.
  void Replace(size_t begin, size_t end, std::string_view text) {
    result_.append(source_.substr(done_, begin - done_));
    edits_.push_back({result_.size(), result_.size() + text.size(), begin, end});
    result_.append(text);
    done_ = end;
  }

  /// The length of the new text so far: where the next unchanged byte from `begin` on will lie.
  size_t ResultOffset(size_t begin) const { return result_.size() + (begin - done_); }

  /// The new text. Call once, after the last Replace.
  std::string Finish() {
    result_.append(source_.substr(done_));
    source_ = {};
    return std::move(result_);
  }

  /// Where a byte of the new text comes from; for replaced text, where the replaced text begins.
  size_t SourceOffset(size_t offset) const {
    size_t shift_from = 0;
    size_t shift_to = 0;
    for (const Edit& edit : edits_) {
      if (offset < edit.new_begin) break;
      if (offset < edit.new_end) return edit.old_begin;
      shift_from = edit.new_end;
      shift_to = edit.old_end;
    }
    return shift_to + (offset - shift_from);
  }

 private:
  struct Edit {
    size_t new_begin, new_end, old_begin, old_end;
  };
  std::string_view source_;
  std::string result_;
  size_t done_ = 0;
  std::vector<Edit> edits_;
};

}  // namespace millpond::query
