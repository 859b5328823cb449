// Sends each line of a file as one batch, as a service does: pulse_ingest($1::jsonb, 'bench') prepared once,
// the batch as a parameter.
//   ingest_client CONNINFO FILE
#include <libpq-fe.h>

#include <cstdio>
#include <fstream>
#include <string>

int main(int, char** arguments) {
    PGconn* connection = PQconnectdb(arguments[1]);
    const auto fail = [&] {
        std::fprintf(stderr, "%s", PQerrorMessage(connection));
        return 1;
    };
    if (PQstatus(connection) != CONNECTION_OK) return fail();
    PQclear(PQprepare(connection, "ingest",
                      "SELECT count(*) FROM pulse_ingest($1::jsonb, 'bench') WHERE status = 'accepted'", 0,
                      nullptr));
    std::ifstream file(arguments[2]);
    long accepted = 0;
    for (std::string line; std::getline(file, line);) {
        const char* value = line.c_str();
        PGresult* result = PQexecPrepared(connection, "ingest", 1, &value, nullptr, nullptr, 0);
        if (PQresultStatus(result) != PGRES_TUPLES_OK) return fail();
        accepted += std::stol(PQgetvalue(result, 0, 0));
        PQclear(result);
    }
    std::printf("%ld\n", accepted);
    PQfinish(connection);
}
