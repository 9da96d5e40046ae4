// Error numbers 11000-11099: deltas.
#pragma once

#include "base/result.hpp"

namespace aloft::delta {

inline constexpr ErrorCode kNotADelta{11000, ErrorKind::reject, "not-a-delta"};
inline constexpr ErrorCode kDeltaVersion{11001, ErrorKind::reject, "delta-version"};
inline constexpr ErrorCode kBadDelta{11002, ErrorKind::reject, "bad-delta"};
inline constexpr ErrorCode kDeltaChecksum{11003, ErrorKind::reject, "delta-checksum"};
inline constexpr ErrorCode kDeltaTruncated{11004, ErrorKind::reject, "delta-truncated"};
inline constexpr ErrorCode kBadRecord{11005, ErrorKind::reject, "delta-record"};
inline constexpr ErrorCode kWrongSource{11006, ErrorKind::reject, "delta-wrong-source"};
inline constexpr ErrorCode kWrongResult{11007, ErrorKind::reject, "delta-wrong-result"};
inline constexpr ErrorCode kOtherEncoder{11008, ErrorKind::reject, "delta-other-encoder"};
inline constexpr ErrorCode kNotProven{11009, ErrorKind::bug, "delta-not-proven"};
inline constexpr ErrorCode kCannotMake{11010, ErrorKind::ask, "delta-cannot-make"};
inline constexpr ErrorCode kEncoderVersion{11011, ErrorKind::reject, "delta-encoder-version"};
inline constexpr ErrorCode kNoWorker{11012, ErrorKind::ask, "delta-no-worker"};
inline constexpr ErrorCode kWorkerLost{11013, ErrorKind::reject, "delta-worker-lost"};
inline constexpr ErrorCode kWorkerStuck{11014, ErrorKind::reject, "delta-worker-stuck"};
inline constexpr ErrorCode kWorkerMemory{11015, ErrorKind::reject, "delta-worker-memory"};
inline constexpr ErrorCode kWorkerProtocol{11016, ErrorKind::reject, "delta-worker-protocol"};

}  // namespace aloft::delta
