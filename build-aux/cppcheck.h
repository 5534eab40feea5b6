/* What cppcheck has to know of macros that it does not see the headers of (included by force). */
#include <sys/queue.h>
#define OVS_STRINGIZE(X) #X
#define OVS_UNUSED
#define OVS_PRINTF_FORMAT(FMT, ARG1)
#define VLOG_DEFINE_THIS_MODULE(MODULE) extern int this_module
