#include "net/range_stream.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/log.hpp"
#include "net/content_range.hpp"
#include "net/errors.hpp"
#include "net/retry_after.hpp"

namespace aloft::net {
namespace {

constexpr std::uint64_t kSkipRatherThanAsk = 256U << 10;  // a gap up to this is read through: cheaper than a new request
constexpr std::size_t kMaxErrorBodyBytes = 8U << 10;
constexpr unsigned kMaxDoublings = 20;

// What tells one state of a file from another; empty when the server gives nothing.
std::string validator_of(const Head& head) {
  if (const auto tag = find_header(head.headers, "ETag"); tag && !tag->starts_with("W/")) return std::string(*tag);
  return std::string(find_header(head.headers, "Last-Modified").value_or(""));
}

// As the answer asks; 0 where it does not.
std::chrono::seconds retry_after(const Head& head) {
  constexpr std::chrono::seconds kMost = std::chrono::hours(24);
  return std::min(parse_retry_after(find_header(head.headers, "Retry-After").value_or("")).value_or(std::chrono::seconds(0)), kMost);
}

bool is_final(const Error& error) {
  return error.code.kind != ErrorKind::retry || error.code.number == kCancelled.number || error.code.number == kContentChanged.number;
}

}  // namespace

Result<std::unique_ptr<RangeStream>> RangeStream::create(RemoteFile& file, std::uint32_t ahead_bytes) {
  auto transfer = TRY(Transfer::create(file.options.tls));
  return std::unique_ptr<RangeStream>(new RangeStream(file, ahead_bytes, std::move(transfer)));
}

Result<std::size_t> RangeStream::read_at(std::uint64_t offset, MutableByteView buffer) {
  target_ = buffer;
  filled_ = 0;
  last_gain_ = file_.clock.steady();
  turn_to(offset);
  while (filled_ < target_.size() && !(file_.size_bytes && offset + filled_ >= *file_.size_bytes)) {
    const auto good = fill();
    if (!good) TRY(recover(good.error()));
  }
  return filled_;
}

// What goes wrong here goes wrong again in the read that follows, which deals with it.
void RangeStream::ask(std::uint64_t offset, std::uint64_t end) {
  target_ = {};
  filled_ = 0;
  expected_end_ = end;
  streaming_ = start(offset).has_value() && go_on();
}

void RangeStream::nudge() {
  if (streaming_ && !ended_) streaming_ = go_on();
}

// As far as the connection lets it at once; no byte of the body is taken.
bool RangeStream::go_on() {
  const auto progress = transfer_->drive([] { return true; });
  return progress && *progress == Transfer::Progress::ready;
}

// Keeps the stream when it leads to the offset.
void RangeStream::turn_to(std::uint64_t offset) {
  if (streaming_ && offset >= position_ && offset - position_ <= kSkipRatherThanAsk) {
    skip_bytes_ += offset - position_;
  } else {
    streaming_ = false;
    rest_.clear();
  }
  position_ = offset;
}

Result<> RangeStream::fill() {
  if (!streaming_) TRY(start(position_));
  const Bytes waiting = std::exchange(rest_, {});
  const std::size_t used = take(waiting);
  rest_.assign(waiting.begin() + static_cast<std::ptrdiff_t>(used), waiting.end());
  if (filled_ == target_.size()) return {};
  if (ended_) {
    streaming_ = false;
    return {};
  }
  transfer_->resume();
  auto progress = transfer_->drive([this] { return filled_ == target_.size(); });
  if (progress && *progress == Transfer::Progress::ready) return {};
  ended_ = true;
  if (failure_) return fail(std::move(*failure_));
  if (!progress) return fail(std::move(progress).error());
  return finish();
}

Result<> RangeStream::start(std::uint64_t offset) {
  Transfer::Setup setup{.url = file_.url,
                        .protocols = "http,https,ftp,ftps,sftp",
                        .connect_timeout = file_.options.connect_timeout,
                        .stall_timeout = file_.options.stall_timeout,
                        .ahead_bytes = ahead_bytes_,
                        .known_hosts = file_.options.known_hosts.string(),
                        .ssh_key = file_.options.ssh_key.string(),
                        .on_body = [this](ByteView piece) { return take_body(piece); }};
  if (file_.options.headers) setup.headers = TRY(file_.options.headers(renewed_ ? Credentials::renewed : Credentials::current));
  if (offset > 0 && !file_.validator.empty()) setup.headers.push_back({"If-Range", file_.validator});
  TRY(transfer_->prepare(std::move(setup)));
  CURL* easy = transfer_->handle();
  requested_end_ = file_.url.starts_with("http") && expected_end_ > offset ? expected_end_ : bundle::kNoEnd;
  const std::string last = requested_end_ == bundle::kNoEnd ? "" : std::to_string(requested_end_ - 1);
  if (offset > 0 || !last.empty()) curl_easy_setopt(easy, CURLOPT_RANGE, (std::to_string(offset) + "-" + last).c_str());
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, file_.url.starts_with("https:") ? "https" : "http,https");
  streaming_ = true;
  ended_ = false;
  head_checked_ = false;
  requested_offset_ = position_ = offset;
  skip_bytes_ = 0;
  rest_.clear();
  error_body_.clear();
  failure_.reset();
  ++file_.requests;
  return {};
}

Transfer::Verdict RangeStream::take_body(ByteView piece) {
  if (transfer_->head().status >= 300) {
    error_body_ += as_text(piece.first(std::min(piece.size(), kMaxErrorBodyBytes - error_body_.size())));
    return Transfer::Verdict::taken;
  }
  if (!head_checked_) {
    auto good = check_head();
    if (!good) {
      failure_ = std::move(good).error();
      return Transfer::Verdict::stop;
    }
  }
  if (filled_ == target_.size()) return Transfer::Verdict::pause;  // the piece comes again
  std::atomic_ref(file_.received_bytes) += piece.size();
  const std::size_t used = take(piece);
  rest_.assign(piece.begin() + static_cast<std::ptrdiff_t>(used), piece.end());
  return Transfer::Verdict::taken;
}

// Passes over what is to be skipped, copies what the reader has room for; how much of the piece that was.
std::size_t RangeStream::take(ByteView piece) {
  const std::size_t skipped = std::min<std::uint64_t>(piece.size(), skip_bytes_);
  skip_bytes_ -= skipped;
  const ByteView wanted = piece.subspan(skipped, std::min(piece.size() - skipped, target_.size() - filled_));
  if (!wanted.empty()) {
    std::memcpy(target_.data() + filled_, wanted.data(), wanted.size());
    failures_ = 0;
    renewed_ = false;
    last_gain_ = file_.clock.steady();
  }
  filled_ += wanted.size();
  position_ += wanted.size();
  return skipped + wanted.size();
}

Result<> RangeStream::check_head() {
  head_checked_ = true;
  switch (transfer_->head().status) {
    case 0:  // FTP and SFTP: the length is that of what is still to come
      return check_same(transfer_->content_length().transform([this](std::uint64_t left) { return requested_offset_ + left; }));
    case 206: return check_range();
    case 200:  // all of it, whatever was asked for
      file_.ranges = file_.ranges && requested_offset_ == 0;
      skip_bytes_ += requested_offset_;
      requested_end_ = bundle::kNoEnd;
      return check_same(transfer_->content_length());
    default:
      return fail(kBadReply,
                  without_secrets(file_.url) + " answered " + std::to_string(transfer_->head().status) + " to a request for a file");
  }
}

Result<> RangeStream::check_range() {
  const std::string_view text = find_header(transfer_->head().headers, "Content-Range").value_or("");
  const auto range = parse_content_range(text);
  if (!range || range->first != requested_offset_)
    return fail(kBadReply, without_secrets(file_.url) + " was asked for bytes from " + std::to_string(requested_offset_) +
                               " and answered \"" + std::string(text) + "\"");
  return check_same(range->size_bytes);
}

// Learns what the first answer says of the file, and holds later ones to it.
Result<> RangeStream::check_same(std::optional<std::uint64_t> size) {
  const std::string now = validator_of(transfer_->head());
  const bool other = !file_.validator.empty() && !now.empty() && now != file_.validator;
  if (other || (size && file_.size_bytes && *size != *file_.size_bytes))
    return fail(kContentChanged, without_secrets(file_.url) + " was replaced by another file while it was being read; start over");
  if (file_.validator.empty()) file_.validator = now;
  if (size) file_.size_bytes = size;
  return {};
}

// The transfer has ended in good order; that is the end of the file, if the answer was the file.
Result<> RangeStream::finish() {
  const unsigned status = transfer_->head().status;
  if (status == 416) {
    if (!file_.size_bytes) file_.size_bytes = requested_offset_;
    if (requested_offset_ < *file_.size_bytes)
      return fail(kContentChanged, without_secrets(file_.url) + " became shorter while it was being read; start over");
    return {};
  }
  if (status >= 300) TRY(expect_success({.status = status, .body = error_body_}, file_.url));
  if (!head_checked_) TRY(check_head());  // an empty file
  const std::uint64_t end = position_ - skip_bytes_ + rest_.size();
  const std::uint64_t wanted = std::min(requested_end_, file_.size_bytes.value_or(requested_end_));
  if (wanted != bundle::kNoEnd && end < wanted)
    return fail(kConnectionBroken,
                without_secrets(file_.url) + " ended after " + std::to_string(end) + " of " + std::to_string(wanted) + " bytes");
  if (!file_.size_bytes && requested_end_ == bundle::kNoEnd) file_.size_bytes = end;
  return {};
}

Result<> RangeStream::recover(Error error) {
  streaming_ = false;
  rest_.clear();
  if (error.code.number == kUnauthorized.number && file_.options.headers && !renewed_) {
    renewed_ = true;
    return {};
  }
  if (is_final(error)) return fail(std::move(error));
  if (file_.clock.steady() - last_gain_ >= file_.options.give_up_after)
    return fail(kGaveUp,
                "nothing came for " + std::to_string(file_.options.give_up_after.count() / 1000) + " s; the last try: " + error.message);
  const std::chrono::milliseconds delay = next_delay();
  log::info("download: " + error.text() + "; goes on at byte " + std::to_string(position_) + " in " + std::to_string(delay.count()) +
            " ms");
  return file_.options.sleep ? file_.options.sleep(delay) : transfer_->sleep(delay);
}

std::chrono::milliseconds RangeStream::next_delay() {
  const auto full =
      std::min<std::chrono::milliseconds>(file_.options.first_delay * (1LL << std::min(failures_, kMaxDoublings)), file_.options.max_delay);
  ++failures_;
  const auto half = static_cast<std::uint64_t>(full.count()) / 2;
  const std::chrono::milliseconds drawn(half + file_.random.next() % (half + 1));
  return std::max(drawn, std::min<std::chrono::milliseconds>(retry_after(transfer_->head()), file_.options.give_up_after));
}

}  // namespace aloft::net
