#include "storage/handler.hpp"

#include "base/log.hpp"
#include "storage/errors.hpp"

namespace aloft::storage {
namespace {

constexpr std::string_view kErrorWord = "error ";
constexpr int kTemporary = 75;  // EX_TEMPFAIL of sysexits.h

std::vector<std::string> environment(const HandlerSpec& spec) {
  return {"ALOFT_HANDLER_VERSION=1", "ALOFT_SLOT_CLASS=" + spec.slot_class, "ALOFT_DEVICE=" + spec.device};
}

Result<> judge(const HandlerSpec& spec, std::string_view verb, const ProcessEnd& end, const std::string& said) {
  if (!end.timed_out && end.exit_status == 0) return {};
  const std::string why = !said.empty() ? said : last_line(end.output);
  const std::string what = spec.program.string() + " " + std::string(verb) +
                           (end.timed_out ? " took longer than " + std::to_string(spec.timeout.count()) + " s"
                                          : " ended with status " + std::to_string(end.exit_status)) +
                           (why.empty() ? "" : ": " + why);
  return fail(!end.timed_out && end.exit_status == kTemporary ? kHandlerBusy : kHandler, what);
}

}  // namespace

Result<> HandlerTarget::begin(const bundle::Image& image) {
  said_.clear();
  ChildSpec child{.argv = {spec_.program.string(), "install"}, .folder = "/", .environment = environment(spec_), .input = Input::fed};
  child.environment.push_back("ALOFT_IMAGE=" + image.name);
  child.environment.push_back("ALOFT_IMAGE_TYPE=" + image.type);
  child.environment.push_back("ALOFT_IMAGE_SIZE=" + std::to_string(image.size_bytes));
  child.environment.push_back("ALOFT_IMAGE_SHA256=" + to_hex(image.sha256));
  child.on_line = [this](std::string_view line) {
    if (line.starts_with(kErrorWord)) said_ = line.substr(kErrorWord.size());
    log::info("handler " + spec_.slot_class + ": " + std::string(line));
  };
  auto started = TRY(Child::start(std::move(child)));
  child_.emplace(std::move(started));
  return {};
}

// A program that ended early has its own reason, which is the better one.
Result<> HandlerTarget::append(ByteView content) {
  auto fed = child_->feed(content, spec_.timeout);
  if (fed) return {};
  const ProcessEnd end = child_->wait(std::chrono::seconds(1));
  child_.reset();
  TRY(end.timed_out ? Result<>() : judge(spec_, "install", end, said_));
  return fail(kHandler, fed.error().message);
}

Result<> HandlerTarget::finish() {
  child_->end_input();
  const ProcessEnd end = child_->wait(spec_.timeout);
  child_.reset();
  return judge(spec_, "install", end, said_);
}

void HandlerTarget::abort() {
  if (!child_) return;
  child_->kill();
  child_.reset();
  if (auto told = call_handler(spec_, "abort"); !told) log::warning("slot: " + told.error().text());
}

Result<> call_handler(const HandlerSpec& spec, std::string_view verb) {
  std::string said;
  ChildSpec child{.argv = {spec.program.string(), std::string(verb)}, .folder = "/", .environment = environment(spec)};
  child.on_line = [&](std::string_view line) {
    if (line.starts_with(kErrorWord)) said = line.substr(kErrorWord.size());
    log::info("handler " + spec.slot_class + ": " + std::string(line));
  };
  Child running = TRY(Child::start(std::move(child)));
  const ProcessEnd end = running.wait(spec.timeout);
  return judge(spec, verb, end, said);
}

}  // namespace aloft::storage
