#include <algorithm>
#include <array>
#include <optional>

#include "storage/chunk_store.h"
#include "storage/store_db.h"
#include "storage/store_keys.h"

namespace silverback::storage {
namespace {

/// Of a page's series, wanted by one query: then it is read as a whole. Stepping over a record costs some
/// 60 ns, looking one up 3 us.
constexpr std::size_t kWorthAPage = 4;
constexpr std::size_t kLookUpBatch = 256;

std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

}  // namespace

struct StoreReader::State {
  Result<std::shared_ptr<const RecordPage>> page(const WindowTable& table, const WindowInfo& window,
                                                 std::uint32_t number, std::size_t wanted);
  Result<std::shared_ptr<const RecordPage>> read_page(const WindowTable& table, std::int32_t window,
                                                      std::uint32_t number);
  void add_look_up(const WindowInfo& window, std::size_t series, SeriesRef ref);
  Status run_look_ups(const Visit& visit);

  const ChunkStore::Db* db = nullptr;
  RecordPages* pages = nullptr;
  rocksdb::PinnableSlice times;
  std::unique_ptr<rocksdb::Iterator> iterator;
  std::uint64_t iterator_version = 0;
  // The iterator stands behind this page.
  std::int32_t page_window = 0;
  std::optional<std::uint32_t> page_number;

  // Look-ups that wait for company.
  std::vector<std::string> keys;
  std::vector<StoredChunk> wanted;
  std::vector<rocksdb::Slice> slices;
  std::vector<rocksdb::PinnableSlice> values;
  std::vector<rocksdb::Status> statuses;
};

StoreReader::StoreReader(const ChunkStore& store) : state_(std::make_unique<State>()) {
  state_->db = store.db_.get();
  state_->pages = &store.pages_;
}
StoreReader::~StoreReader() = default;

Status StoreReader::read(const WindowTable& table, std::size_t first, std::size_t last,
                         std::span<const SeriesRef> refs, const Visit& visit) {
  for (std::size_t w = first; w < last; ++w) {
    const WindowInfo& window = table.windows[w];
    for (std::size_t i = 0; i < refs.size();) {
      const std::uint32_t number = RecordPage::number_of(refs[i]);
      std::size_t end = i + 1;
      while (end < refs.size() && RecordPage::number_of(refs[end]) == number) ++end;
      const auto page = state_->page(table, window, number, end - i);
      if (!page) return page.status();
      for (; i < end; ++i) {
        if (*page == nullptr) {
          state_->add_look_up(window, i, refs[i]);
          continue;
        }
        for (const RecordPage::Record& record : (*page)->of(refs[i])) {
          Status bad = visit({i, window.window, record.generation, (*page)->bytes(record)});
          if (!bad.ok()) return bad;
        }
      }
      if (state_->keys.size() < kLookUpBatch) continue;
      if (Status bad = state_->run_look_ups(visit); !bad.ok()) return bad;
    }
  }
  return state_->run_look_ups(visit);
}

/// Null when the records are better looked up.
Result<std::shared_ptr<const RecordPage>> StoreReader::State::page(const WindowTable& table,
                                                                   const WindowInfo& window,
                                                                   std::uint32_t number,
                                                                   std::size_t wanted_series) {
  const RecordPages::Key key{window.window, window.generations.back(), number};
  std::shared_ptr<const RecordPage> found = pages->find(key);
  if (found == nullptr) {
    if (wanted_series < kWorthAPage && !pages->asked_again(key)) return found;
    auto read = read_page(table, window.window, number);
    if (!read) return read.status();
    found = std::move(*read);
    pages->insert(key, found);
  }
  return found->too_large() ? nullptr : found;
}

Result<std::shared_ptr<const RecordPage>> StoreReader::State::read_page(const WindowTable& table,
                                                                        std::int32_t window,
                                                                        std::uint32_t number) {
  if (iterator == nullptr || iterator_version != table.version) {
    iterator.reset(db->db->NewIterator(rocksdb::ReadOptions(), db->chunks));
    iterator_version = table.version;
    page_number.reset();
  }
  rocksdb::Iterator& it = *iterator;
  if (!(page_number && page_window == window && *page_number + 1 == number))
    it.Seek(StoreKey{window, RecordKind::Values, number * RecordPage::kSeries, 0}.encode());
  page_number.reset();
  const auto page = std::make_shared<RecordPage>();
  bool whole = true;
  for (; whole && it.Valid(); it.Next()) {
    StoreKey key;
    if (!StoreKey::decode(view(it.key()), key))
      return Status(Code::DataLoss, "the chunk store has a malformed key");
    if (key.window != window || key.kind != RecordKind::Values || key.id / RecordPage::kSeries != number)
      break;
    whole = page->add(SeriesRef{key.id}, key.generation, view(it.value()));
  }
  if (!it.status().ok()) return from_rocksdb(it.status(), "reading chunks");
  page->finish();
  if (whole) {
    page_window = window;
    page_number = number;
  }
  return std::shared_ptr<const RecordPage>(page);
}

void StoreReader::State::add_look_up(const WindowInfo& window, std::size_t series, SeriesRef ref) {
  for (const std::uint32_t generation : window.generations) {
    keys.push_back(
        StoreKey{window.window, RecordKind::Values, static_cast<std::uint32_t>(ref), generation}.encode());
    wanted.push_back({series, window.window, generation, {}});
  }
}

Status StoreReader::State::run_look_ups(const Visit& visit) {
  if (keys.empty()) return {};
  slices.assign(keys.begin(), keys.end());
  values = std::vector<rocksdb::PinnableSlice>(keys.size());
  statuses.assign(keys.size(), {});
  db->db->MultiGet(rocksdb::ReadOptions(), db->chunks, keys.size(), slices.data(), values.data(),
                   statuses.data(), /*sorted_input=*/true);
  Status status;
  for (std::size_t i = 0; i < keys.size() && status.ok(); ++i) {
    if (statuses[i].IsNotFound()) continue;
    if (!statuses[i].ok()) {
      status = from_rocksdb(statuses[i], "reading chunks");
      break;
    }
    wanted[i].bytes = view(values[i]);
    status = visit(wanted[i]);
  }
  keys.clear();
  wanted.clear();
  return status;
}

Result<std::string_view> StoreReader::times(std::int32_t window, std::uint32_t generation,
                                            std::uint64_t number) {
  state_->times.Reset();
  const std::string key =
      StoreKey{window, RecordKind::Times, static_cast<std::uint32_t>(number), generation}.encode();
  const auto status = state_->db->db->Get(rocksdb::ReadOptions(), state_->db->chunks, key, &state_->times);
  if (!status.ok()) return from_rocksdb(status, "reading times block " + std::to_string(number));
  return view(state_->times);
}

}  // namespace silverback::storage
