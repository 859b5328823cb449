#include "pulse/pg/vacuum.hpp"

#include "pulse/pg/background.hpp"
#include "pulse/pg/transaction.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "commands/vacuum.h"
#include "nodes/makefuncs.h"
#include "parser/parse_node.h"
#include "pgstat.h"
#include "tcop/pquery.h"
#include "utils/guc.h"
}

namespace pulse::pg {

namespace {

// The state that VACUUM expects of its caller, restored at the end: memory that outlives the transactions
// that it begins and commits itself, and a rollback of the last one if it fails.
class OutsideTransaction {
  public:
    OutsideTransaction() : caller_(CurrentMemoryContext), portal_(PortalContext) {
        memory_ = Call(
            [] { return AllocSetContextCreate(TopMemoryContext, "pulse vacuum", ALLOCSET_DEFAULT_SIZES); });
        PortalContext = memory_;
    }
    ~OutsideTransaction() {
        if (!done_) {
            AbortCurrentTransaction();
            detail::aborting = false;
        }
        MemoryContextSwitchTo(caller_);
        PortalContext = portal_;
        MemoryContextDelete(memory_);
        pgstat_report_activity(STATE_IDLE, nullptr);
    }
    OutsideTransaction(const OutsideTransaction&) = delete;
    OutsideTransaction& operator=(const OutsideTransaction&) = delete;

    MemoryContext memory() const { return memory_; }
    void Done() { done_ = true; }

  private:
    MemoryContext caller_, portal_, memory_ = nullptr;
    bool done_ = false;
};

void Run(const std::string& table, bool freeze) {
    OutsideTransaction outside;
    Call([&] {
        SetCurrentStatementStartTimestamp();
        StartTransactionCommand();
        pgstat_report_activity(STATE_RUNNING, "pulse: VACUUM");
        const Oid schema = get_namespace_oid("pulse", true);
        if (OidIsValid(schema) && OidIsValid(get_relname_relid(table.c_str(), schema))) {
            MemoryContextSwitchTo(outside.memory());
            VacuumStmt* statement = makeNode(VacuumStmt);
            statement->is_vacuumcmd = true;
            if (freeze)
                statement->options = list_make3(
                    makeDefElem(pstrdup("freeze"), nullptr, -1), makeDefElem(pstrdup("analyze"), nullptr, -1),
                    makeDefElem(pstrdup("truncate"), reinterpret_cast<Node*>(makeString(pstrdup("off"))),
                                -1));
            RangeVar* relation = makeRangeVar(pstrdup("pulse"), pstrdup(table.c_str()), -1);
            statement->rels = list_make1(makeVacuumRelation(relation, InvalidOid, NIL));
            ExecVacuum(make_parsestate(nullptr), statement, true);
        }
        CommitTransactionCommand();
        pgstat_report_stat(false);
    });
    outside.Done();
}

}  // namespace

void Vacuum(const std::string& table) {
    Run(table, false);
}

void VacuumFreeze(const std::string& table) {
    // As PostgreSQL's default of autovacuum_vacuum_cost_delay.
    const std::string before = Call([] { return GetConfigOption("vacuum_cost_delay", false, false); });
    SetForProcess("vacuum_cost_delay", "2");
    try {
        Run(table, true);
    } catch (...) {
        SetForProcess("vacuum_cost_delay", before.c_str());
        throw;
    }
    SetForProcess("vacuum_cost_delay", before.c_str());
}

}  // namespace pulse::pg
