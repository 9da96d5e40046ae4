#include "net/range_source.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/log.hpp"
#include "net/content_range.hpp"
#include "net/errors.hpp"
#include "net/transfer.hpp"

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

// As the answer asks, in seconds; its other form, a date, counts as none: clocks of devices are not to be relied on.
std::chrono::seconds retry_after(const Head& head) {
  constexpr std::uint32_t kMostSeconds = 24 * 3600;
  const std::string_view text = find_header(head.headers, "Retry-After").value_or("");
  std::uint32_t seconds = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::chrono::seconds(problem == std::errc() && end == text.data() + text.size() ? std::min(seconds, kMostSeconds) : 0);
}

bool is_final(const Error& error) {
  return error.code.kind != ErrorKind::retry || error.code.number == kCancelled.number || error.code.number == kContentChanged.number;
}

}  // namespace

struct RangeSource::State {
  std::string url;
  RangeSourceOptions options;
  Clock& clock;
  Random& random;
  std::unique_ptr<Transfer> transfer;

  // What is known of the file.
  std::optional<std::uint64_t> size_bytes;
  std::string validator;

  // The stream under way: the next byte it brings lies at position, once skip_bytes more have passed.
  bool streaming = false;
  bool ended = false;  // nothing comes after rest
  bool head_checked = false;
  std::uint64_t requested_offset = 0;
  std::uint64_t requested_end = bundle::kNoEnd;
  std::uint64_t expected_end = bundle::kNoEnd;  // of the requests to come
  std::uint64_t position = 0;
  std::uint64_t skip_bytes = 0;
  Bytes rest;  // came with the last piece and was not asked for yet
  std::string error_body;
  std::optional<Error> failure;

  // The read under way.
  MutableByteView target;
  std::size_t filled = 0;

  // Tries since the last byte.
  unsigned failures = 0;
  bool renewed = false;
  SteadyTime last_gain{};
  std::uint64_t requests = 0;
  std::uint64_t received_bytes = 0;  // read from other threads too

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView buffer);
  void turn_to(std::uint64_t offset);
  Result<> fill();
  Result<> start(std::uint64_t offset);
  Result<> finish();
  Transfer::Verdict take_body(ByteView piece);
  std::size_t take(ByteView piece);
  Result<> check_head();
  Result<> check_range();
  Result<> check_same(std::optional<std::uint64_t> size);
  Result<> recover(Error error);
  std::chrono::milliseconds next_delay();
};

Result<std::size_t> RangeSource::State::read_at(std::uint64_t offset, MutableByteView buffer) {
  target = buffer;
  filled = 0;
  last_gain = clock.steady();
  turn_to(offset);
  while (filled < target.size() && !(size_bytes && offset + filled >= *size_bytes)) {
    const auto good = fill();
    if (!good) TRY(recover(good.error()));
  }
  return filled;
}

// Keeps the stream when it leads to the offset.
void RangeSource::State::turn_to(std::uint64_t offset) {
  if (streaming && offset >= position && offset - position <= kSkipRatherThanAsk) {
    skip_bytes += offset - position;
  } else {
    streaming = false;
    rest.clear();
  }
  position = offset;
}

Result<> RangeSource::State::fill() {
  if (!streaming) TRY(start(position));
  const Bytes waiting = std::exchange(rest, {});
  const std::size_t used = take(waiting);
  rest.assign(waiting.begin() + static_cast<std::ptrdiff_t>(used), waiting.end());
  if (filled == target.size()) return {};
  if (ended) {
    streaming = false;
    return {};
  }
  transfer->resume();
  auto progress = transfer->drive([this] { return filled == target.size(); });
  if (progress && *progress == Transfer::Progress::ready) return {};
  ended = true;
  if (failure) return fail(std::move(*failure));
  if (!progress) return fail(std::move(progress).error());
  return finish();
}

Result<> RangeSource::State::start(std::uint64_t offset) {
  Transfer::Setup setup{.url = url,
                        .protocols = "http,https,ftp,ftps,sftp",
                        .connect_timeout = options.connect_timeout,
                        .stall_timeout = options.stall_timeout,
                        .ahead_bytes = options.ahead_bytes,
                        .known_hosts = options.known_hosts.string(),
                        .ssh_key = options.ssh_key.string(),
                        .on_body = [this](ByteView piece) { return take_body(piece); }};
  if (options.headers) setup.headers = TRY(options.headers(renewed ? Credentials::renewed : Credentials::current));
  if (offset > 0 && !validator.empty()) setup.headers.push_back({"If-Range", validator});
  TRY(transfer->prepare(std::move(setup)));
  CURL* easy = transfer->handle();
  requested_end = url.starts_with("http") && expected_end > offset ? expected_end : bundle::kNoEnd;
  const std::string last = requested_end == bundle::kNoEnd ? "" : std::to_string(requested_end - 1);
  if (offset > 0 || !last.empty()) curl_easy_setopt(easy, CURLOPT_RANGE, (std::to_string(offset) + "-" + last).c_str());
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, url.starts_with("https:") ? "https" : "http,https");
  streaming = true;
  ended = false;
  head_checked = false;
  requested_offset = position = offset;
  skip_bytes = 0;
  rest.clear();
  error_body.clear();
  failure.reset();
  ++requests;
  return {};
}

Transfer::Verdict RangeSource::State::take_body(ByteView piece) {
  if (transfer->head().status >= 300) {
    error_body += as_text(piece.first(std::min(piece.size(), kMaxErrorBodyBytes - error_body.size())));
    return Transfer::Verdict::taken;
  }
  if (!head_checked) {
    auto good = check_head();
    if (!good) {
      failure = std::move(good).error();
      return Transfer::Verdict::stop;
    }
  }
  if (filled == target.size()) return Transfer::Verdict::pause;  // the piece comes again
  std::atomic_ref(received_bytes) += piece.size();
  const std::size_t used = take(piece);
  rest.assign(piece.begin() + static_cast<std::ptrdiff_t>(used), piece.end());
  return Transfer::Verdict::taken;
}

// Passes over what is to be skipped, copies what the reader has room for; how much of the piece that was.
std::size_t RangeSource::State::take(ByteView piece) {
  const std::size_t skipped = std::min<std::uint64_t>(piece.size(), skip_bytes);
  skip_bytes -= skipped;
  const ByteView wanted = piece.subspan(skipped, std::min(piece.size() - skipped, target.size() - filled));
  if (!wanted.empty()) {
    std::memcpy(target.data() + filled, wanted.data(), wanted.size());
    failures = 0;
    renewed = false;
    last_gain = clock.steady();
  }
  filled += wanted.size();
  position += wanted.size();
  return skipped + wanted.size();
}

Result<> RangeSource::State::check_head() {
  head_checked = true;
  switch (transfer->head().status) {
    case 0:  // FTP and SFTP: the length is that of what is still to come
      return check_same(transfer->content_length().transform([this](std::uint64_t left) { return requested_offset + left; }));
    case 206: return check_range();
    case 200:  // all of it, whatever was asked for
      skip_bytes += requested_offset;
      requested_end = bundle::kNoEnd;
      return check_same(transfer->content_length());
    default:
      return fail(kBadReply, without_secrets(url) + " answered " + std::to_string(transfer->head().status) + " to a request for a file");
  }
}

Result<> RangeSource::State::check_range() {
  const std::string_view text = find_header(transfer->head().headers, "Content-Range").value_or("");
  const auto range = parse_content_range(text);
  if (!range || range->first != requested_offset)
    return fail(kBadReply, without_secrets(url) + " was asked for bytes from " + std::to_string(requested_offset) + " and answered \"" +
                               std::string(text) + "\"");
  return check_same(range->size_bytes);
}

// Learns what the first answer says of the file, and holds later ones to it.
Result<> RangeSource::State::check_same(std::optional<std::uint64_t> size) {
  const std::string now = validator_of(transfer->head());
  const bool other = !validator.empty() && !now.empty() && now != validator;
  if (other || (size && size_bytes && *size != *size_bytes))
    return fail(kContentChanged, without_secrets(url) + " was replaced by another file while it was being read; start over");
  if (validator.empty()) validator = now;
  if (size) size_bytes = size;
  return {};
}

// The transfer has ended in good order; that is the end of the file, if the answer was the file.
Result<> RangeSource::State::finish() {
  const unsigned status = transfer->head().status;
  if (status == 416) {
    if (!size_bytes) size_bytes = requested_offset;
    if (requested_offset < *size_bytes)
      return fail(kContentChanged, without_secrets(url) + " became shorter while it was being read; start over");
    return {};
  }
  if (status >= 300) TRY(expect_success({.status = status, .body = error_body}, url));
  if (!head_checked) TRY(check_head());  // an empty file
  const std::uint64_t end = position - skip_bytes + rest.size();
  const std::uint64_t wanted = std::min(requested_end, size_bytes.value_or(requested_end));
  if (wanted != bundle::kNoEnd && end < wanted)
    return fail(kConnectionBroken,
                without_secrets(url) + " ended after " + std::to_string(end) + " of " + std::to_string(wanted) + " bytes");
  if (!size_bytes && requested_end == bundle::kNoEnd) size_bytes = end;
  return {};
}

Result<> RangeSource::State::recover(Error error) {
  streaming = false;
  rest.clear();
  if (error.code.number == kUnauthorized.number && options.headers && !renewed) {
    renewed = true;
    return {};
  }
  if (is_final(error)) return fail(std::move(error));
  if (clock.steady() - last_gain >= options.give_up_after)
    return fail(kGaveUp, "nothing came for " + std::to_string(options.give_up_after.count() / 1000) + " s; the last try: " + error.message);
  const std::chrono::milliseconds delay = next_delay();
  log::info("download: " + error.text() + "; goes on at byte " + std::to_string(position) + " in " + std::to_string(delay.count()) + " ms");
  return options.sleep ? options.sleep(delay) : transfer->sleep(delay);
}

std::chrono::milliseconds RangeSource::State::next_delay() {
  const auto full =
      std::min<std::chrono::milliseconds>(options.first_delay * (1LL << std::min(failures, kMaxDoublings)), options.max_delay);
  ++failures;
  const auto half = static_cast<std::uint64_t>(full.count()) / 2;
  const std::chrono::milliseconds drawn(half + random.next() % (half + 1));
  return std::max(drawn, std::min<std::chrono::milliseconds>(retry_after(transfer->head()), options.give_up_after));
}

RangeSource::RangeSource(std::unique_ptr<State> state) : state_(std::move(state)) {}
RangeSource::~RangeSource() = default;

Result<std::unique_ptr<RangeSource>> RangeSource::create(std::string url, RangeSourceOptions options, Clock& clock, Random& random) {
  const bool known = std::ranges::any_of(std::array{"http://", "https://", "ftp://", "ftps://", "sftp://"},
                                         [&](const char* scheme) { return url.starts_with(scheme); });
  if (!known) return fail(kBadUrl, without_secrets(url) + " is none of http, https, ftp, ftps and sftp");
  auto transfer = TRY(Transfer::create(options.tls));
  return std::unique_ptr<RangeSource>(new RangeSource(std::make_unique<State>(
      State{.url = std::move(url), .options = std::move(options), .clock = clock, .random = random, .transfer = std::move(transfer)})));
}

Result<std::size_t> RangeSource::read_at(std::uint64_t offset, MutableByteView buffer) { return state_->read_at(offset, buffer); }
void RangeSource::expect(std::uint64_t end) { state_->expected_end = end; }
void RangeSource::cancel() { state_->transfer->cancel(); }
std::optional<std::uint64_t> RangeSource::size_bytes() const { return state_->size_bytes; }
std::uint64_t RangeSource::requests() const { return state_->requests; }
std::uint64_t RangeSource::received_bytes() const { return std::atomic_ref(state_->received_bytes).load(); }

}  // namespace aloft::net
