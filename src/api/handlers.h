// The handlers, by the file that holds them. What each answers is in docs/api.md.
#pragma once

#include "api/service.h"

namespace silverback::api::handlers {

// write_handlers.cpp
void remote_write(Service&, const HttpRequest&, HttpResponse&);
void influx_write_v1(Service&, const HttpRequest&, HttpResponse&);
void influx_write_v2(Service&, const HttpRequest&, HttpResponse&);
void import_text(Service&, const HttpRequest&, HttpResponse&);

// query_handlers.cpp
void query(Service&, const HttpRequest&, HttpResponse&);
void query_range(Service&, const HttpRequest&, HttpResponse&);
void query_exemplars(Service&, const HttpRequest&, HttpResponse&);
void format_query(Service&, const HttpRequest&, HttpResponse&);

// label_handlers.cpp
void labels(Service&, const HttpRequest&, HttpResponse&);
void label_values(Service&, const HttpRequest&, HttpResponse&);
void series(Service&, const HttpRequest&, HttpResponse&);
void metadata(Service&, const HttpRequest&, HttpResponse&);

// federate.cpp
void federate(Service&, const HttpRequest&, HttpResponse&);

// status_handlers.cpp
void build_info(Service&, const HttpRequest&, HttpResponse&);
void runtime_info(Service&, const HttpRequest&, HttpResponse&);
void flags(Service&, const HttpRequest&, HttpResponse&);
void config(Service&, const HttpRequest&, HttpResponse&);
void tsdb_status(Service&, const HttpRequest&, HttpResponse&);
void features(Service&, const HttpRequest&, HttpResponse&);
void targets(Service&, const HttpRequest&, HttpResponse&);

// rule_handlers.cpp
void rules(Service&, const HttpRequest&, HttpResponse&);
void alerts(Service&, const HttpRequest&, HttpResponse&);
void alertmanagers(Service&, const HttpRequest&, HttpResponse&);

// kafka_handlers.cpp
void kafka_status(Service&, const HttpRequest&, HttpResponse&);
void dead_letters(Service&, const HttpRequest&, HttpResponse&);
void retry_dead_letters(Service&, const HttpRequest&, HttpResponse&);

// replay_handler.cpp
void replay_rules(Service&, const HttpRequest&, HttpResponse&);

// alertmanager_handlers.cpp
void alertmanager_status(Service&, const HttpRequest&, HttpResponse&);
void alertmanager_receivers(Service&, const HttpRequest&, HttpResponse&);
void alertmanager_alerts(Service&, const HttpRequest&, HttpResponse&);
void alertmanager_groups(Service&, const HttpRequest&, HttpResponse&);
void alertmanager_ready(Service&, const HttpRequest&, HttpResponse&);

// alertmanager_silences.cpp
void alertmanager_silences(Service&, const HttpRequest&, HttpResponse&);
void alertmanager_silence(Service&, const HttpRequest&, HttpResponse&);

// admin_handlers.cpp
void flush(Service&, const HttpRequest&, HttpResponse&);
void metrics(Service&, const HttpRequest&, HttpResponse&);
void healthy(Service&, const HttpRequest&, HttpResponse&);
void ready(Service&, const HttpRequest&, HttpResponse&);
void reload(Service&, const HttpRequest&, HttpResponse&);
void home(Service&, const HttpRequest&, HttpResponse&);

// influx_handlers.cpp
void influx_query(Service&, const HttpRequest&, HttpResponse&);
void influx_health(Service&, const HttpRequest&, HttpResponse&);
void influx_ping(Service&, const HttpRequest&, HttpResponse&);

}  // namespace silverback::api::handlers
