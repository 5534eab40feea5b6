#include <config.h>

#include <string.h>

#include "ctl/commands.h"
#include "ctl/suggest.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/util.h"
#include "util.h"

#define B(NAME) OPT_BIT(OPT_##NAME)

#define CONN_FILTER                                                                                \
    (B(PORT) | B(USER) | B(SOURCE) | B(DESTINATION) | B(PROTOCOL) | B(DPORT) | B(STATE))

#define CAPTURE_OPTIONS                                                                            \
    (B(PORT) | B(DROPPED) | B(SNAPLEN) | B(PACKETS) | B(SIZE) | B(SECONDS) | B(COMMENT))

#define SET_FILE                                                                                   \
    "With --file they are read from FILE too (- is standard input), one a line; what follows a "   \
    "#\n"                                                                                          \
    "is a comment.  All of it is done or nothing.\n"

#define DIFF_STATUS "Exit status, as diff's: 0 "

const struct command commands[] = {
    { "port add", "NAME", "attach a desktop or an uplink",
      "--type and --role are required, and with the type the option that says what it is\n"
      "attached to: --socket for vhost-user, --interface for af_packet, --devargs for ethdev.\n"
      "A desktop needs --mac, and may send from no other address than those bound by --ip and, "
      "with\n"
      "--learn, those that DHCP and router advertisements give it ('swctl binding list').\n"
      "With --vlan its frames are in that VLAN, which none of them leaves; without, in the "
      "untagged\n"
      "network.  An uplink with --trunk carries those VLANs with a tag, and that of --vlan "
      "without.\n"
      "--storm limits what the port may send to many, in packets a second, or 'off'; without it\n"
      "the role's defaults hold ('swctl port show' prints them).\n"
      "\n"
      "Examples:\n"
      "  swctl port add vd-7 --type vhost-user --socket vd-7.sock --role desktop \\\n"
      "      --mac 02:00:00:00:00:07 --ip 10.0.0.7 --user sato --label pool=sales\n"
      "  swctl port add up0 --type ethdev --devargs 0000:01:00.0 --role uplink --trunk 10,20-29",
      B(TYPE) | B(SOCKET) | B(CLIENT) | B(INTERFACE) | B(DEVARGS) | B(ROLE) | B(MAC) | B(IP) |
          B(LEARN) | B(USER) | B(VM_ID) | B(LABEL) | B(VLAN) | B(TRUNK) | B(NO_UNTAGGED) |
          B(STORM) | B(MAC_LIMIT) | B(REFRESH_ON_LOGOFF),
      .fn = port_add },
    { "port del", "NAME", "detach a port, with its connections", NULL, 0, .fn = port_del,
      .completion = COMPLETE_PORTS },
    { "port list", NULL, "all ports", NULL, 0, .fn = port_list },
    { "port show", "NAME", "one port",
      "Policy is what its packets are judged by at this moment, as the switch has published it, "
      "not\n"
      "what was sent: the digest is that of 'policy apply', and ports whose tables are the same\n"
      "judge alike.",
      0, .fn = port_show, .completion = COMPLETE_PORTS },
    { "binding list", NULL, "which addresses are whose",
      "The addresses that each desktop may send from, and how the switch knows: given with the\n"
      "port, formed from its MAC, or learned from DHCP, router advertisements and duplicate\n"
      "address detection.",
      B(PORT), .fn = binding_list },
    { "policy apply", "FILE...", "put a policy in force, whole or not at all",
      "The FILEs (YAML; - is standard input) are one policy: what one defines the others may use,\n"
      "and rules are tried in the order of the files.  It is in force on every worker when the\n"
      "command returns.  A mistake is reported as FILE:LINE:COLUMN: what, and changes nothing.\n"
      "With --confirm-within the switch goes back by itself unless 'swctl policy confirm' comes "
      "in\n"
      "time: for changes that might cut off whoever makes them.\n"
      "With --dry-run it says what 'policy check' and 'policy diff' say, and exits with 1 if that\n"
      "is anything.\n"
      "\n"
      "Examples:\n"
      "  swctl policy apply /usr/share/fusuma/rules/desktop-noise.yaml sales.yaml\n"
      "  swctl policy apply sales.yaml --expect-version 7 --confirm-within 60",
      B(DRY_RUN) | B(EXPECT_VERSION) | B(CONFIRM_WITHIN) | B(COMMENT), .fn = policy_apply,
      .completion = COMPLETE_FILES },
    { "policy check", "FILE...", "what is strange about a policy",
      "Everything is done but putting it in force.  Printed are rules that are shadowed,\n"
      "contradictory, duplicate or redundant, groups without members and the like, each as\n"
      "FILE:LINE:COLUMN: severity: what [kind].\n" DIFF_STATUS
      "it is good and nothing is strange, 1 something is,\n"
      "2 it is wrong, or there is no answer.",
      B(EXPECT_VERSION), .fn = policy_check, .completion = COMPLETE_FILES },
    { "policy diff", "[FILE...]", "how policies differ in meaning",
      "The policy in force, or that of --from, against the FILEs as one policy, that of --to, or,\n"
      "without either, the one in force.  What is the same in other words (order of keys,\n"
      "comments, services by number) is no difference.\n" DIFF_STATUS
      "no difference, 1 there are some, 2 no answer.\n"
      "\n"
      "Examples:\n"
      "  swctl policy diff sales.yaml\n"
      "  swctl policy diff --from 7 --to 9\n"
      "  swctl policy diff --from 7",
      B(FROM) | B(TO), .fn = policy_diff, .completion = COMPLETE_FILES },
    { "policy replay", "FILE...", "whose verdict another policy would change",
      "The FILEs are a policy, as for 'policy apply', which is not applied.  Each packet of "
      "--against "
      "is\n"
      "traced by the policy in force and by this one, as the first of its connection; those that "
      "would\n"
      "be allowed and are denied now, or the other way round, are listed.  -o json has those, too, "
      "that\n"
      "another rule decides the same way.\n"
      "\n"
      "Examples:\n"
      "  swctl drops -o json >drops.json; swctl policy replay --against drops.json sales.yaml\n"
      "  swctl policy replay --against vd-7.pcap --port vd-7 sales.yaml",
      B(AGAINST) | B(PORT), .fn = policy_replay, .completion = COMPLETE_FILES },
    { "policy confirm", "[VERSION]", "keep what was applied with --confirm-within", NULL, 0,
      .fn = policy_confirm, .completion = COMPLETE_VERSIONS },
    { "policy rollback", "[VERSION]", "put an earlier version in force again",
      "Without VERSION, the one before.  It becomes a version of its own.",
      B(EXPECT_VERSION) | B(CONFIRM_WITHIN) | B(COMMENT), .fn = policy_rollback,
      .completion = COMPLETE_VERSIONS },
    { "policy history", NULL, "the last 64 versions: when, by whom, why", NULL, 0,
      .fn = policy_history },
    { "policy get", "[VERSION]", "the policy in force, or an earlier one",
      "Prints the YAML text as it was applied, byte for byte (several files with a line before\n"
      "each); --rules prints the rules with the packets and bytes that each has matched.",
      B(RULES), .fn = policy_get, .completion = COMPLETE_VERSIONS },
    { "policy recommend", NULL, "rules that would allow what audit mode has let through",
      "Puts the records of reason would-drop together ('swctl drops'), and prints the fewest "
      "rules\n"
      "found that allow it and nothing else, as YAML to edit and to apply in front of the policy "
      "in\n"
      "force.  Its first lines say what it was made of, that every flow and every rule was asked "
      "of\n"
      "the tables that the switch would use, and what is left out.  Rules for what is between\n"
      "desktops are comments: to deny that is what the switch is there for.\n"
      "\n"
      "Examples:\n"
      "  swctl policy recommend >seen.yaml\n"
      "  swctl policy check seen.yaml sales.yaml",
      B(INCLUDE_DROPS) | B(INCLUDE_DESKTOPS), .fn = policy_recommend },
    { "policy services", NULL, "services that a policy may use by name", NULL, 0,
      .fn = policy_services },
    { "set list", NULL, "address sets: how many prefixes, how old, whether stale",
      "Address sets hold addresses that a controller gives, for policies to name.  POLICY says "
      "whether\n"
      "the policy in force does.  A set is stale when nobody has put, changed or confirmed it for\n"
      "the policy's stale_after; its addresses stay in force.  A set that the policy names and\n"
      "nobody has put is empty, and 'missing'.",
      0, .fn = set_list },
    { "set show", "NAME", "one address set with its prefixes", NULL, 0, .fn = set_show,
      .completion = COMPLETE_SETS },
    { "set put", "NAME [PREFIX...]", "give an address set all of its prefixes",
      "The set has exactly these from now on, and begins if it is not there.  Without any it is "
      "empty.\n" SET_FILE,
      B(FILE), .fn = set_put, .completion = COMPLETE_SETS },
    { "set add", "NAME [PREFIX...]", "put prefixes into an address set",
      "Without any prefix the set is confirmed: it is up to date, and its age begins anew.\n"
      "What is in it already is no error.  A set that is not there is one: 'swctl set put' begins "
      "it.\n" SET_FILE "\n"
      "Examples:\n"
      "  swctl set add remote-desktops 10.1.0.7 10.1.0.8 fd00:1::/64\n"
      "  swctl set add remote-desktops --file other-hosts.txt",
      B(FILE), .fn = set_add, .completion = COMPLETE_SETS },
    { "set remove", "NAME [PREFIX...]", "take prefixes out of an address set",
      "Live connections that were allowed by them are cut at their next packet.  What is not in "
      "the\n"
      "set is no error; a prefix is taken out as it was put in, not a part of one.\n" SET_FILE,
      B(FILE), .fn = set_remove, .completion = COMPLETE_SETS },
    { "set del", "NAME", "delete an address set",
      "Refused while the policy in force names it; 'swctl set put NAME' empties it.", 0,
      .fn = set_del, .completion = COMPLETE_SETS },
    { "drops", NULL, "denied packets, one line a record",
      "Prints the records that the switch holds, oldest first; --follow then goes on.  xN is the\n"
      "number of packets that a record stands for; 'again' says that they repeat a flow that was\n"
      "recorded before.  What has no record is said, in lines that begin with --.  A record is of\n"
      "the port that sent the packet, and so is --port.  With -o json every event carries its\n"
      "cursor, which --resume takes up as EPOCH.N.",
      B(FOLLOW) | B(PORT) | B(REASON) | B(ADDRESS) | B(RESUME) | B(NEW), .fn = drops },
    { "counters", NULL, "what each port received, sent and dropped",
      "With --interval it goes on until interrupted.", B(PORT) | B(INTERVAL), .fn = counters },
    { "trace", "[SERVICE]", "what would become of a packet, and why",
      "Takes a packet through every stage of the switch, by the state in force, and changes "
      "nothing:\n"
      "no packet is sent, counted or recorded.  SERVICE is tcp/PORT, udp/PORT, icmp, icmp/TYPE or "
      "a\n"
      "protocol's number; the packet is the first of its connection.  It comes in by --port, or by "
      "the\n"
      "desktop that has the address (or, of a capture, the MAC) that it is from.  Where no rule "
      "allows\n"
      "it, the rule that would but for the fewest fields is shown, with these.  A drop record has "
      "the\n"
      "first bytes of its packet only; the rest counts as zero.\n"
      "What depends on a moment's load is not foreseen: storm limits, full rings, a full table.\n"
      "\n"
      "Examples:\n"
      "  swctl trace tcp/445 --port vd-7 --dst 10.0.0.9\n"
      "  swctl trace icmp --src 10.0.0.7 --dst 10.9.0.1\n"
      "  swctl trace --pcap vd-7.pcap --port vd-7\n"
      "  swctl drops --port vd-7 -o json | tail -n 1 | swctl trace --drop -",
      B(PORT) | B(SRC) | B(DST) | B(PCAP) | B(DROP) | B(LIMIT), .fn = trace, .words = "icmp" },
    { "watch", "[KIND...]", "ports, policy, bindings and more, and every change of them",
      "Prints all there is, then a line that begins with --, then each change as it happens, "
      "until\n"
      "interrupted.  KIND is ports, policy, bindings, quarantine or incidents; without any it is\n"
      "all of them.\n"
      "A connection that breaks is made again, and what was missed comes then; should that not be\n"
      "known any more, as after a restart of the switch, everything is printed anew, after a line\n"
      "that says so.  With -o json events carry their position, which --resume takes up as\n"
      "EPOCH.REVISION (of the same kinds).\n"
      "\n"
      "Examples:\n"
      "  swctl watch\n"
      "  swctl watch quarantine policy -o json",
      B(RESUME), .fn = watch, .words = "ports policy bindings quarantine incidents" },
    { "drill", "PORT", "prove the chain from a denied packet to quarantine and release",
      "Has the desktop try to connect to --dst (ADDRESS[:PORT], 445), which the policy must deny, "
      "and\n"
      "follows that: the drop's record, the incident, its line in --sink-file, the quarantine, "
      "the\n"
      "release.  Times are the switch's own, since the probe.  The probe is one connection "
      "attempt\n"
      "without data, from --namespace on this host; without it, what to run in the desktop is "
      "printed,\n"
      "and waited for.  --allowed is tried before, during the quarantine, when it must fail, and "
      "after.\n"
      "The port is released and the incident closed whatever happens; if the desktop meanwhile "
      "tries\n"
      "more than that, both are left alone.  Refused for a port that has an open incident or is "
      "in\n"
      "quarantine.  Exit status 0: every step that was asked for was seen.\n"
      "\n"
      "Examples:\n"
      "  swctl drill vd-7 --dst 10.0.0.9\n"
      "  swctl drill vd-7 --dst 10.0.0.9 --namespace vd-7 --allowed 10.9.0.1:443 --quarantine",
      B(DST) | B(NAMESPACE) | B(ALLOWED) | B(QUARANTINE) | B(SINK_FILE), .fn = drill,
      .completion = COMPLETE_PORTS },
    { "config apply", "[FILE]", "ports and policy of the configuration file, once more",
      "The file is read when a switch starts with an empty state directory, and by this command:\n"
      "its ports and its policy take the place of those that there are, whole or not at all.  "
      "Ports\n"
      "that are the same go on as they are, those that differ are taken away and added anew, and\n"
      "those that the file does not have go.  A file without a policy leaves the one in force.\n"
      "Settings and access are read when the switch starts, and need no command.\n"
      "FILE is of the switch's host; without it, the one that it was started with (--config).  A\n"
      "mistake is reported as FILE:LINE:COLUMN: what, and changes nothing.\n"
      "With --dry-run it says what would change, and exits with 1 if anything would.",
      B(DRY_RUN), .fn = config_apply, .completion = COMPLETE_FILES },
    { "relay", "[CONFIG]",
      "deliver drops, incidents and heartbeats to files, syslog, webhooks, mail",
      "Runs until SIGTERM or SIGINT.  CONFIG (YAML) says what goes where; each sink has its own\n"
      "cursor in the state directory, and gets what it has missed, in order, or is told what is\n"
      "missing.  SIGHUP opens files again.\n"
      "With --check the configuration and the files that it names are read, and nothing is done.\n"
      "With --status, and without CONFIG, the cursors in DIR are printed, and how many events "
      "each\n"
      "sink is behind the switch, or was when it stored its cursor if there is no switch.\n"
      "\n"
      "Examples:\n"
      "  swctl relay --check /etc/fusuma/relay.yaml\n"
      "  swctl relay --status /var/lib/fusuma-relay",
      B(CHECK) | B(STATUS), .fn = relay, .completion = COMPLETE_FILES },
    { "fdb", NULL, "which MAC address is behind which port", NULL, 0, .fn = system_fdb },
    { "mcast list", NULL, "which ports listen to which multicast group",
      "What desktops have reported by IGMP and MLD, and, as 'routers', the uplinks that queries\n"
      "came from.  AGE is the time since the last report; a membership ends after 260 s.",
      0, .fn = group_list },
    { "flow list", NULL, "what desktops were allowed, the newest first",
      "A flow sums up the connections of one desktop with one peer for one service in one hour.\n"
      "DIR egress: the desktop began them.  OUT is from the desktop, IN to it.  They are held over "
      "\n"
      "restarts, as far as there is room; the last line says what the journal holds.\n"
      "TIME is local: 2026-11-28T10:30, 10:30 (today), or 90s, 30m, 2h, 3d ago; with Z, in UTC.\n"
      "\n"
      "Examples:\n"
      "  swctl flow list --port vd-7 --since 2h\n"
      "  swctl flow list --address 203.0.113.0/24 --since 2026-11-28 --until 2026-11-28T12:00",
      B(PORT) | B(ADDRESS) | B(SINCE) | B(UNTIL) | B(LIMIT), .fn = flow_list },
    { "conn list", NULL, "live connections",
      "In the orientation of whoever opened them; --port and --user are of either side.  Those "
      "that\n"
      "agree with every option are listed; the last line says how many more there are.",
      CONN_FILTER | B(LIMIT), .fn = conn_list },
    { "conn show", "CONNECTION...", "everything about one connection",
      "CONNECTION is an id that 'conn list' shows, or PROTOCOL SOURCE DESTINATION, in the\n"
      "direction in which it was opened or the other one.  'Judged by' below the generation in\n"
      "force: the next packet is judged again if anything that the verdict rests on has changed.\n"
      "\n"
      "Examples:\n"
      "  swctl conn show 4294967311\n"
      "  swctl conn show tcp 10.0.0.7:40000 10.9.0.1:443\n"
      "  swctl conn show udp [fd00::7]:40000 [fd00::9]:53\n"
      "  swctl conn show icmp 10.0.0.7 10.9.0.1",
      0, .fn = conn_show, .words = "icmp tcp udp icmpv6" },
    { "conn flush", NULL, "end connections",
      "Ends those that agree with every option, and says how many; none of their packets passes "
      "by\n"
      "the old verdict once the command has returned.  What comes afterwards is judged anew: a "
      "UDP\n"
      "datagram or a ping opens a connection again if the policy allows it, but the next segment "
      "of\n"
      "an established TCP connection is dropped as tcp-state, so that its hosts have to connect\n"
      "again (a switch started with --pick-up-midstream takes it up again, if it is allowed).\n"
      "A policy or a quarantine needs no flush: they hold for live connections.",
      CONN_FILTER | B(ALL), .fn = conn_flush },
    { "conn stats", NULL, "how full the table of connections is, and what was refused",
      "Entries by state are those of the last sweep: seconds ago when the workers are busy, "
      "minutes\n"
      "for a large table when they are idle.",
      0, .fn = conn_stats },
    { "capture start", NULL, "begin to copy a port's packets into a file on the switch",
      "What comes from the port of --port and what is to leave by it, each packet with what the\n"
      "switch did with it; with --dropped only what it dropped.  It ends by itself at the first "
      "of\n"
      "its limits.  The file is pcapng, for Wireshark: 'swctl capture get' fetches it.\n"
      "\n"
      "Examples:\n"
      "  swctl capture start --port vd-7 --dropped --comment INC-4711\n"
      "  swctl capture start --port up0 --snaplen 128 --size 500M --seconds 600",
      CAPTURE_OPTIONS, .fn = capture_start },
    { "capture stop", "ID", "end a capture; its file stays", NULL, 0, .fn = capture_stop,
      .completion = COMPLETE_CAPTURES },
    { "capture list", NULL, "captures, the oldest first",
      "STATE removed: its packets have made room for newer ones (setting capture_megabytes).\n"
      "LOST: packets that came faster than they could be written.",
      0, .fn = capture_list },
    { "capture get", "ID", "fetch a capture's packets, also while it is running",
      "-w says where to; with --follow it goes on until the capture is over.\n"
      "\n"
      "Examples:\n"
      "  swctl capture get 5 -w vd-7.pcapng\n"
      "  swctl capture get 5 --follow -w - | tcpdump -r -",
      B(SAVE) | B(FOLLOW), .fn = capture_get, .completion = COMPLETE_CAPTURES },
    { "capture delete", "ID", "delete a capture that is over", NULL, 0, .fn = capture_delete,
      .completion = COMPLETE_CAPTURES },
    { "capture", NULL, "capture a port into a file here, until interrupted",
      "As 'capture start', 'get', 'stop' and 'delete' in one: on the switch nothing of it is "
      "left.\n"
      "\n"
      "Examples:\n"
      "  swctl capture --port vd-7 -w vd-7.pcapng\n"
      "  swctl capture --port vd-7 --dropped -w - | wireshark -k -i -",
      CAPTURE_OPTIONS | B(SAVE), .fn = capture_live },
    { "worker show", NULL, "where the workers' cycles go, by stage of the packet path",
      "Of one burst in 16 the stages are timed; what comes from elsewhere, such as packets that "
      "control has learned from, is in none.",
      0, .fn = system_worker_show },
    { "worker", NULL, "the threads that poll the ports", NULL, 0, .fn = system_worker },
    { "audit", NULL, "prove that every packet is accounted for",
      "Two equations for each port, whose differences must be 0:\n"
      "  received + originated = forwarded + consumed + held + drops\n"
      "  offered = accepted + tx-drops\n"
      "Exits with 1 when one is not.",
      0, .fn = system_audit },
    { "audit-log list", "[FILE]", "who changed what, and who tried to",
      "The newest lines of the switch's audit log, or those of FILE.  With -o json they are as "
      "they\n"
      "are in the file.",
      B(LIMIT), .fn = audit_log_list, .completion = COMPLETE_FILES },
    { "audit-log verify", "[FILE...]", "prove that an audit log is whole",
      "Of this host, without asking a switch: recomputes the chain of hashes of each FILE, which "
      "are\n"
      "given oldest first, and that each goes on where the one before it ends; without FILE of "
      "all\n"
      "that are in /var/lib/fusuma.  Says the first line that was changed, taken out or put in, "
      "and\n"
      "exits with 1; so it does when the end is cut off, by what audit.head beside the log says.\n"
      "Whoever could write that, too, is found out by a hash that was kept elsewhere only.",
      0, .fn = audit_log_verify, .completion = COMPLETE_FILES },
    { "quarantine list", NULL, "who is in quarantine", NULL, 0, .fn = quarantine_list },
    { "quarantine", "PORT", "cut a port off, its live connections included",
      "Nothing of the port passes once the command has returned.  It follows the VM (--vm-id of\n"
      "'port add') when its port is deleted and made again, and lasts over restarts of the switch\n"
      "and new policies, until 'swctl release'.  --allow keeps what a list of the policy allows\n"
      "(quarantine.lists), and ends the rest; --reset has the switch reset both ends of the TCP\n"
      "connections that end.  --comment says why; 'swctl port show' has it.  --capture begins a\n"
      "capture of all that the port still sends, and is sent ('swctl capture list').\n"
      "\n"
      "Examples:\n"
      "  swctl quarantine vd-7 --comment INC-4711\n"
      "  swctl quarantine vd-7 --allow forensics --reset --capture",
      B(COMMENT) | B(ALLOW) | B(RESET) | B(CAPTURE), .fn = quarantine_set, .words = "list",
      .completion = COMPLETE_PORTS },
    { "release", "[PORT]", "end a quarantine",
      "Of a port, of one that was deleted while it was in quarantine, or of --vm-id.  --reason "
      "says\n"
      "why; it is in the audit log.\n"
      "\n"
      "Examples:\n"
      "  swctl release vd-7 --reason 'INC-4711: reinstalled'\n"
      "  swctl release --vm-id 9b2f51a0 --reason 'INC-4711: VM is gone'",
      B(REASON) | B(VM_ID), .fn = quarantine_release, .completion = COMPLETE_QUARANTINED },
    { "incident list", NULL, "desktops that looked around, the newest first",
      "The first denied attempt to reach another desktop opens an incident; what the same desktop\n"
      "tries after that is added to it.  ~ before a number: an estimate.",
      B(OPEN) | B(PORT) | B(USER) | B(SEVERITY) | B(LIMIT), .fn = incident_list },
    { "incident show", "ID", "one incident: who, whom, what, and what was done about it", NULL, 0,
      .fn = incident_show, .completion = COMPLETE_INCIDENTS },
    { "incident watch", NULL, "incidents, and every change of them",
      "As 'swctl watch incidents': until interrupted, and on after a connection that broke.",
      B(RESUME), .fn = incident_watch },
    { "incident note", "ID TEXT...", "add a note to an incident", NULL, 0, .fn = incident_note,
      .completion = COMPLETE_INCIDENTS },
    { "incident close", "ID", "an incident is dealt with",
      "What the desktop tries after that opens another one.  --comment says why.", B(COMMENT),
      .fn = incident_close, .completion = COMPLETE_INCIDENTS },
    { "incident report", "ID", "all that is known of an incident, as one file",
      "-o html (the default; without script and outside references, to read, print and send), md "
      "or\n"
      "json.  It goes to standard output, or to the FILE of --save, whose digest is printed then.  "
      "The\n"
      "last line of a report has the SHA-256 of all lines before it.\n"
      "\n"
      "Examples:\n"
      "  swctl incident report 42 --save incident-42.html\n"
      "  swctl incident report 42 --lang ja --save incident-42.ja.html",
      B(LANG) | B(SAVE), .fn = incident_report, .completion = COMPLETE_INCIDENTS,
      .formats = "html md json" },
    { "incident pivot", "ID", "keys to look for in other products' logs",
      "-o csv (the default; a row for each peer and service), json or yaml.  In CSV, what a\n"
      "spreadsheet would take for a formula (= + - @ at the beginning) has an apostrophe before "
      "it.",
      0, .fn = incident_pivot, .completion = COMPLETE_INCIDENTS, .formats = "csv json yaml" },
    { "incident scope", NULL, "incidents that an address or a user has a part in",
      "PART is suspect, target, or both; TRIED, what was tried with it as a target.\n"
      "\n"
      "Examples:\n"
      "  swctl incident scope --host 10.0.0.0/24\n"
      "  swctl incident scope --user sato",
      B(HOST) | B(USER), .fn = incident_scope },
    { "session login", "USER", "somebody has logged in on a desktop",
      "What the desktop is denied from now on carries the name.  The desktop is that of --port, "
      "--mac\n"
      "or --vm-id.  Brokers do this by themselves, by the API; it is idempotent.\n"
      "With --at it is told late: a correction in 'swctl drops' says so of what was denied since.\n"
      "\n"
      "Examples:\n"
      "  swctl session login alice --port vd-7\n"
      "  swctl session login alice --vm-id 9b2f51a0 --session broker-4711 --at -90s",
      B(PORT) | B(MAC) | B(VM_ID) | B(SESSION) | B(AT), .fn = session_login,
      .completion = COMPLETE_USERS },
    { "session logout", "[SESSION]", "... and has logged out",
      "Ends the session of that number, the one that the broker calls --session, or all of "
      "--port.\n"
      "A port that is deleted ends its sessions by itself.\n"
      "The last one of a port with refresh_on_logoff begins its refresh ('swctl port show').",
      B(PORT) | B(SESSION) | B(AT), .fn = session_logout },
    { "session list", NULL, "who had which desktop when, the newest first", NULL,
      B(PORT) | B(USER) | B(OPEN) | B(AT) | B(LIMIT), .fn = session_list },
    { "broker", NULL, "turn a broker's calls by HTTP into sessions",
      "Goes on until interrupted, and prints each login and logout.  It takes the role operator "
      "of\n"
      "the switch.\n"
      "--adapter webhook takes POST /v1/event with Authorization: Bearer TOKEN, such as\n"
      "{\"event\": \"login\", \"user\": \"alice\", \"port\": \"vd-7\", \"session\": \"4711\"}.\n"
      "--adapter uds stands between the actors of UDS Enterprise and their server, passes all on\n"
      "unchanged, and hears their logins and logouts.  docs/brokers.md describes both.\n"
      "\n"
      "Examples:\n"
      "  swctl broker --adapter webhook --listen 127.0.0.1:8443 --token-file /etc/fusuma/token\n"
      "  swctl broker --adapter uds --listen 10.0.0.3:443 --listen-cert uds.crt --listen-key "
      "uds.key \\\n"
      "      --upstream https://uds.example.com",
      B(LISTEN) | B(LISTEN_CERT) | B(LISTEN_KEY) | B(ADAPTER) | B(TOKEN_FILE) | B(UPSTREAM) |
          B(UPSTREAM_CA),
      .fn = broker },
    { "status", NULL, "the switch at a glance", NULL, 0, .fn = system_status },
    { "version", NULL, "versions of swctl and of the switch", NULL, 0, .fn = system_version },
};
const size_t n_commands = ARRAY_SIZE(commands);

/* The first 'n' words as one string, the caller's to free. */
static char *
join(const struct svec *words, size_t n)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < n && i < words->n; i++) {
        ds_put_format(&s, "%s%s", i ? " " : "", words->names[i]);
    }
    return ds_steal_cstr(&s);
}

static size_t
path_words(const struct command *command)
{
    return strchr(command->path, ' ') ? 2 : 1;
}

const struct command *
command_find(const struct svec *words, size_t *used)
{
    for (size_t i = 0; i < n_commands; i++) {
        char *typed = join(words, path_words(&commands[i]));
        bool found = !strcmp(typed, commands[i].path);

        free(typed);
        if (found) {
            *used = path_words(&commands[i]);
            return &commands[i];
        }
    }
    return NULL;
}

bool
command_in_family(const struct command *command, const char *first)
{
    size_t length = strlen(first);

    return !strncmp(command->path, first, length) && command->path[length] == ' ';
}

bool
command_is_family(const char *first)
{
    for (size_t i = 0; i < n_commands; i++) {
        if (command_in_family(&commands[i], first)) {
            return true;
        }
    }
    return false;
}

static void
complain_family(const char *first)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < n_commands; i++) {
        if (command_in_family(&commands[i], first)) {
            ds_put_format(&s, "%s%s", s.length ? ", " : "", strchr(commands[i].path, ' ') + 1);
        }
    }
    ctl_error("'%s' needs one of: %s", first, ds_cstr(&s));
    ds_destroy(&s);
}

/* Among the first 'n' words of all paths, or those of 'family', which is nearest to what was typed?
 */
static struct suggestion
nearest(const char *typed, size_t n, const char *family)
{
    struct suggestion s;

    suggest_init(&s, typed, strlen(typed));
    for (size_t i = 0; i < n_commands; i++) {
        const char *path = commands[i].path;

        if (path_words(&commands[i]) >= n && (!family || command_in_family(&commands[i], family))) {
            suggest_offer(&s, path, n == 1 ? strcspn(path, " ") : strlen(path));
        }
    }
    return s;
}

/* Nothing like 'typed', which is 'n' words long.  True when something is near to it. */
static bool
complain_near(const char *typed, size_t n, const char *family)
{
    struct suggestion s = nearest(typed, n, family);

    if (s.best) {
        ctl_error("no command '%s'; did you mean '%.*s'?", typed, (int) s.best_length, s.best);
    }
    return s.best;
}

void
command_complain(const struct svec *words)
{
    char *one = join(words, 1);
    char *two = join(words, 2);
    bool family = words->n && command_is_family(one);

    if (!words->n) {
        ctl_error("which command?  See 'swctl --help'");
    } else if (words->n == 1 && family) {
        complain_family(one);
    } else if (words->n > 1 && complain_near(two, 2, family ? one : NULL)) {
        /* said */
    } else if (family) {
        ctl_error("no command '%s'; see 'swctl %s --help'", two, one);
    } else if (!complain_near(one, 1, NULL)) {
        ctl_error("no command '%s'; see 'swctl --help'", one);
    }
    free(one);
    free(two);
}
