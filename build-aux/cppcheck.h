/* What cppcheck has to know of macros that it does not see the headers of (included by force). */
#define OVS_STRINGIZE(X) #X
#define OVS_UNUSED
#define OVS_PRINTF_FORMAT(FMT, ARG1)
#define VLOG_DEFINE_THIS_MODULE(MODULE) extern int this_module

/* The loops of Open vSwitch: the variable is set, to what nobody knows. */
void *ovs_loop_next(void);
#define OVS_LOOP(VAR) for ((VAR) = ovs_loop_next(); (VAR); (VAR) = ovs_loop_next())
#define LIST_FOR_EACH(VAR, MEMBER, LIST) OVS_LOOP(VAR)
#define LIST_FOR_EACH_SAFE(VAR, ...) OVS_LOOP(VAR)
#define LIST_FOR_EACH_POP(VAR, MEMBER, LIST) OVS_LOOP(VAR)
#define HMAP_FOR_EACH(VAR, MEMBER, HMAP) OVS_LOOP(VAR)
#define HMAP_FOR_EACH_SAFE(VAR, ...) OVS_LOOP(VAR)
#define HMAP_FOR_EACH_WITH_HASH(VAR, MEMBER, HASH, HMAP) OVS_LOOP(VAR)
#define SHASH_FOR_EACH(VAR, SHASH) OVS_LOOP(VAR)
#define SHASH_FOR_EACH_SAFE(VAR, ...) OVS_LOOP(VAR)
#define SSET_FOR_EACH(VAR, SSET) OVS_LOOP(VAR)
