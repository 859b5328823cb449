// Differences between PostgreSQL 14 to 18.
#pragma once

#if PG_VERSION_NUM < 140000
#error "Pulse needs PostgreSQL 14 or newer"
#endif

// The name and version that pg_get_loaded_modules() shows since 18. Takes string literals.
#if PG_VERSION_NUM >= 180000
#define PULSE_MODULE_MAGIC(module_name, module_version) \
    PG_MODULE_MAGIC_EXT(.name = module_name, .version = module_version)
#else
#define PULSE_MODULE_MAGIC(module_name, module_version) PG_MODULE_MAGIC
#endif

// The name of a wait in pg_stat_activity since 17; before, all waits of extensions share one name.
#if PG_VERSION_NUM >= 170000
#define PULSE_WAIT_EVENT(name)                               \
    ([] {                                                    \
        static uint32 event = 0;                             \
        if (event == 0) event = WaitEventExtensionNew(name); \
        return event;                                        \
    }())
#else
#define PULSE_WAIT_EVENT(name) PG_WAIT_EXTENSION
#endif

// Materialised set-returning functions: one call under three names. The rows have the descriptor that the
// caller expects, also for functions that return a set of one plain column.
#if PG_VERSION_NUM >= 160000
#define PULSE_INIT_MATERIALIZED_SRF(fcinfo) InitMaterializedSRF((fcinfo), MAT_SRF_USE_EXPECTED_DESC)
#elif PG_VERSION_NUM >= 150000
#define PULSE_INIT_MATERIALIZED_SRF(fcinfo) SetSingleFuncCall((fcinfo), SRF_SINGLE_USE_EXPECTED)
#else
#define PULSE_INIT_MATERIALIZED_SRF(fcinfo) PulseInitMaterializedSrf(fcinfo)
static inline void PulseInitMaterializedSrf(FunctionCallInfo fcinfo) {
    auto* info = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
    if (!info || !IsA(info, ReturnSetInfo) || !(info->allowedModes & SFRM_Materialize) || !info->expectedDesc)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("set-valued function called in context that cannot accept a set")));
    MemoryContext old = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
    info->returnMode = SFRM_Materialize;
    info->setResult = tuplestore_begin_heap(info->allowedModes & SFRM_Materialize_Random, false, work_mem);
    info->setDesc = CreateTupleDescCopy(info->expectedDesc);
    MemoryContextSwitchTo(old);
}
#endif

// One process of the local copy of pg_stat_activity, counted from 1.
#if PG_VERSION_NUM >= 160000
#define PULSE_LOCAL_BACKEND_STATUS(index) pgstat_get_local_beentry_by_index(index)
#else
#define PULSE_LOCAL_BACKEND_STATUS(index) pgstat_fetch_stat_local_beentry(index)
#endif

#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

// Before 16 the server's headers do not export entry points; all other symbols are hidden.
#if PG_VERSION_NUM < 160000 && defined(__GNUC__)
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

// Parse analysis of one statement with parameters of these types.
#if PG_VERSION_NUM >= 150000
#define PULSE_ANALYZE(statement, sql, types, count) \
    parse_analyze_fixedparams((statement), (sql), (types), (count), nullptr)
#else
#define PULSE_ANALYZE(statement, sql, types, count) \
    parse_analyze((statement), (sql), const_cast<Oid*>(types), (count), nullptr)
#endif

#if PG_VERSION_NUM >= 180000
#define PULSE_INDEX_BEGINSCAN(table, index, snapshot, keys) \
    index_beginscan((table), (index), (snapshot), nullptr, (keys), 0)
#else
#define PULSE_INDEX_BEGINSCAN(table, index, snapshot, keys) \
    index_beginscan((table), (index), (snapshot), (keys), 0)
#endif

#if PG_VERSION_NUM >= 160000
#define PULSE_INSERT_INDEX_TUPLES(target, slot, state) \
    ExecInsertIndexTuples((target), (slot), (state), false, false, nullptr, NIL, false)
#else
#define PULSE_INSERT_INDEX_TUPLES(target, slot, state) \
    ExecInsertIndexTuples((target), (slot), (state), false, false, nullptr, NIL)
#endif

// Before 16 a walker is declared without arguments, which in C++ means that it has none.
#if PG_VERSION_NUM >= 160000
#define PULSE_RAW_EXPRESSION_TREE_WALKER(node, walker, context) \
    raw_expression_tree_walker((node), (walker), (context))
#else
#define PULSE_RAW_EXPRESSION_TREE_WALKER(node, walker, context)                                            \
    raw_expression_tree_walker((node), reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walker)), \
                               (context))
#endif
