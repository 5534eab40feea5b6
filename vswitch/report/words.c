#include <config.h>

#include "report/words.h"

#include <stdarg.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

static const char *const words[N_WORDS][N_REPORT_LANGUAGES] = {
    [W_TITLE] = { "Incident {0}", "インシデント {0}" },
    [W_MADE_BY] = { "Report of the virtual switch {0}, made {1} UTC (Fusuma {2})",
                    "仮想スイッチ {0} のレポート、{1} UTC 作成(Fusuma {2})" },
    [W_OPEN] = { "open", "対応中" },
    [W_CLOSED] = { "closed", "終了" },
    [W_IN_QUARANTINE] = { "in quarantine", "隔離中" },
    [W_UNGRADED] = { "not graded", "判定なし" },
    [W_LOW] = { "low", "低" },
    [W_MEDIUM] = { "medium", "中" },
    [W_HIGH] = { "high", "高" },
    [W_CRITICAL] = { "critical", "重大" },
    [W_UNKNOWN_KIND] = { "attempts", "接続の試み" },
    [W_PROBE] = { "probe", "少数の試行" },
    [W_PORT_SCAN] = { "port scan", "ポートスキャン" },
    [W_SWEEP] = { "sweep", "スイープ" },
    [W_WORM] = { "worm", "ワーム型の拡散" },
    [W_FLOOD] = { "flood", "大量送信" },
    [W_PROBE_MEANS] = { "A few attempts.", "少数の試みです。" },
    [W_PORT_SCAN_MEANS] = { "Many services of one machine, or of a few, were tried: somebody looks "
                            "for "
                            "a way in.",
                            "1台または少数の相手に対し、多数のサービスが試されました。侵入口を探す"
                            "動"
                            "きです。" },
    [W_SWEEP_MEANS] = { "Many machines were tried: somebody looks for what is there.",
                        "多数の相手が試されました。何が存在するかを探す動きです。" },
    [W_WORM_MEANS] = { "The same service of many machines in many networks was tried: this is how "
                       "malware spreads by itself.",
                       "多数のネットワークにある多数の相手に対し、同じサービスが試されました。マル"
                       "ウ"
                       "ェアが自ら広がるときの動きです。" },
    [W_FLOOD_MEANS] = { "Very many packets that the policy denies were sent: something is broken, "
                        "or "
                        "does harm.",
                        "ポリシーが拒否するパケットが大量に送信されました。故障、または有害な動作で"
                        "す。" },

    [W_TRIED] = { "{0} tried to reach {1}{2}, {3}.", "{0}が、{3}、{1}への接続を{2}試みました。" },
    [W_WHO_PORT] = { "The desktop {0}", "デスクトップ {0} " },
    [W_WHO_USER] = { "{0}, the desktop of {1},", "{1} さんのデスクトップ {0} " },
    [W_WHO_USERS] = { "{0}, a desktop to which {1} were logged in,",
                      "{1} がログオンしていたデスクトップ {0} " },
    [W_WHOM_NOBODY] = { "others", "他の機器" },
    [W_WHOM_DESKTOP] = { "the desktop {0} ({1})", "デスクトップ {0}({1})" },
    [W_WHOM_DESKTOP_OF] = { "{2}'s desktop {0} ({1})", "{2} さんのデスクトップ {0}({1})" },
    [W_WHOM_ADDRESS] = { "the address {0}", "アドレス {0} " },
    [W_WHOM_BOTH] = { "{0} and {1}", "{0}と{1}" },
    [W_DESKTOPS_ONE] = { "1 other desktop", "他のデスクトップ1台" },
    [W_DESKTOPS] = { "{0} other desktops", "他のデスクトップ{0}台" },
    [W_ADDRESSES_ONE] = { "1 address that is no desktop here",
                          "このスイッチのデスクトップではないアドレス1件" },
    [W_ADDRESSES] = { "{0} addresses that are no desktops here",
                      "このスイッチのデスクトップではないアドレス{0}件" },
    [W_ABOUT] = { "about {0}", "約{0}" },
    [W_BY_NOTHING] = { "", "" },
    [W_BY_SERVICES] = { " over {0}", " {0} で" },
    [W_BY_MANY] = { " over {0} services (among them {1})", "{0}種類のサービス({1} など)で" },
    [W_AT] = { "at {1} UTC on {0}", "{0} {1} UTC に" },
    [W_BETWEEN] = { "between {1} and {2} UTC on {0}", "{0} {1} から {2} UTC の間に" },
    [W_FROM_TO] = { "between {0} and {1} UTC", "{0} から {1} UTC の間に" },
    [W_DENIED_ONE] = { "It was denied: the one packet did not get through.",
                       "この試みは拒否されました。パケットは1個で、相手には届いていません。" },
    [W_DENIED] = { "All of it was denied: none of these {0} packets got through.",
                   "すべて拒否されました。{0}個のパケットは、1個も相手に届いていません。" },
    [W_AUDITED] = { "Not all of it was stopped: the policy is in audit mode for at least a part of "
                    "it, "
                    "so that packets were recorded and let through ({0} packets in all).",
                    "すべてが止められたわけではありません。少なくとも一部は監査モードのポリシーで判"
                    "定"
                    "されたため、パケットは記録されたうえで通過しました(合計{0}個)。" },
    [W_QUARANTINED_SINCE] = { "The desktop has been in quarantine since {0} UTC: nothing it sends "
                              "passes.",
                              "このデスクトップは {0} UTC "
                              "から隔離されており、通信は一切できません。" },
    [W_QUARANTINED_NOW] = { "The desktop is in quarantine: nothing it sends passes.",
                            "このデスクトップは隔離されており、通信は一切できません。" },
    [W_RELEASED_AT] = { "The desktop was in quarantine, and was released at {0} UTC.",
                        "このデスクトップは隔離されましたが、{0} UTC に解除されました。" },
    [W_NOT_QUARANTINED] = { "The desktop is not in quarantine.",
                            "このデスクトップは隔離されていません。" },
    [W_IS_OPEN] = { "The incident is open.", "このインシデントは対応中です。" },
    [W_CLOSED_AT] = { "The incident was closed at {0} UTC by {1}.",
                      "このインシデントは {0} UTC に {1} により終了とされました。" },
    [W_GROUNDS] = { "Why it is graded so: {0}", "判定の根拠: {0}" },

    [W_SAID_OTHER] = { "", "" },
    [W_SAID_PROBE] = { "a denied attempt to reach another desktop",
                       "他のデスクトップへの接続の試み(拒否)" },
    [W_SAID_DESKTOPS] = { "{0} desktops tried within {1}",
                          "{1}以内にデスクトップ{0}台への接続を試行" },
    [W_SAID_ADDRESSES] = { "{0} addresses tried within {1}",
                           "{1}以内にアドレス{0}件への接続を試行" },
    [W_SAID_FLOOD] = { "about {0} addresses tried within {1}, under a flood",
                       "大量の送信のなかで、{1}以内にアドレス約{0}件への接続を試行" },
    [W_SAID_PORTS] = { "{0} ports of one target tried within {1}",
                       "{1}以内に1つの相手の{0}個のポートを試行" },
    [W_SAID_SERVICE] = { "the same service of {0} addresses in {2} networks tried within {1}",
                         "{1}以内に、{2}個のネットワークにあるアドレス{0}件の同じサービスを試行" },
    [W_SAID_PORT_GONE] = { "the desktop is gone, or somebody else's",
                           "デスクトップの削除、または利用者の交代" },
    [W_SAID_QUIET] = { "nothing was seen for seven days", "7日間、新たな試みなし" },
    [W_SAID_SPARED] = { "not cut off: the policy says never",
                        "隔離せず: ポリシーで自動隔離の対象外" },
    [W_SAID_BRAKE] = { "not cut off: as many ports as the policy lets the switch cut off in 10 "
                       "minutes are cut off already",
                       "隔離せず: 10分間に自動で隔離できる数の上限に到達" },
    [W_SAID_PUBLIC] = { "{0} public addresses tried within {1}",
                        "{1}以内にインターネット上のアドレス{0}件への接続を試行" },
    [W_SAID_RATE] = { "{0} denied packets within {1}", "{1}以内に{0}個のパケットを拒否" },
    [W_SAID_RELEASED] = { "not cut off: it was released, and that holds until this incident is "
                          "closed",
                          "隔離せず: 隔離は一度解除済み(このインシデントのクローズまで有効)" },
    [W_SAID_SERVICE_AT_LEAST] = { "the same service of {0} or more addresses in {2} or more "
                                  "networks tried within {1}",
                                  "{1}以内に、{2}個以上のネットワークにあるアドレス{0}件以上の同じ"
                                  "サービスを試行" },
    [W_SAID_FOR] = { "incident {0}: {1}", "インシデント {0}: {1}" },
    [W_WITHIN_SECONDS] = { "{0} seconds", "{0}秒" },
    [W_WITHIN_MINUTES] = { "{0} minutes", "{0}分" },
    [W_WITHIN_HOURS] = { "{0} hours", "{0}時間" },

    [W_N_TARGETS] = { "addresses tried", "試された相手" },
    [W_N_SERVICES] = { "services tried", "試されたサービス" },
    [W_N_PACKETS] = { "packets", "パケット" },
    [W_DURATION] = { "first to last attempt", "最初から最後の試みまで" },

    [W_SECONDS] = { "{0} s", "{0}秒" },
    [W_MINUTES] = { "{0} min {1} s", "{0}分{1}秒" },
    [W_HOURS] = { "{0} h {1} min", "{0}時間{1}分" },
    [W_DAYS] = { "{0} d {1} h", "{0}日{1}時間" },

    [W_SUSPECT] = { "Who it was", "発信元" },
    [W_DESKTOP] = { "Desktop (port)", "デスクトップ(ポート)" },
    [W_VM] = { "Virtual machine", "仮想マシン" },
    [W_MAC] = { "MAC address", "MAC アドレス" },
    [W_ADDRESSES_OF] = { "IP addresses", "IP アドレス" },
    [W_USER] = { "User", "利用者" },
    [W_SESSIONS] = { "Logged in", "ログオン" },
    [W_SESSION] = { "{0} (session {1})", "{0}(セッション {1})" },
    [W_CANDIDATES] = { "Several people were logged in to this desktop.  Each of them is a "
                       "candidate: "
                       "the switch cannot tell whose program sent the packets.",
                       "このデスクトップには複数の人がログオンしていました。どの人のプログラムがパ"
                       "ケ"
                       "ットを送ったのか、スイッチには分かりません。全員が候補です。" },
    [W_NO_SESSION] = { "nobody that the switch was told of", "スイッチに通知されたログオンはなし" },
    [W_QUARANTINE] = { "Quarantine", "隔離" },
    [W_NONE] = { "none", "なし" },
    [W_NOT_KNOWN] = { "not known", "不明" },

    [W_TIMELINE] = { "When it happened", "経過" },
    [W_TIMELINE_TARGETS] = { "How many addresses were tried for the first time, by time.",
                             "初めて試された相手の数を時刻順に示します。" },
    [W_TIMELINE_RECORDS] = { "How many packets were denied, by time, of the records in this "
                             "report.",
                             "このレポートにある記録から、拒否されたパケットの数を時刻順に示します"
                             "。" },
    [W_TIMELINE_LISTED] = { "Only the first {0} addresses, which the incident lists, are drawn.",
                            "インシデントの一覧にある最初の{0}件だけを描いています。" },
    [W_TIMELINE_LEFT_OUT] = { "The {0} records in the middle are not in this report, nor in the "
                              "drawing.",
                              "途中の記録{0}件は、このレポートにも図にも含まれません。" },
    [W_ACTIONS_LANE] = { "Response", "対応" },
    [W_LATER] = { "later", "その後" },
    [W_RESPONSE] = { "What was done about it", "対応の記録" },
    [W_COUNT_NUMBER] = { "No.", "番号" },
    [W_TIME] = { "Time (UTC)", "時刻(UTC)" },
    [W_WHAT] = { "What", "内容" },
    [W_WHO] = { "By whom", "実行者" },
    [W_TEXT] = { "Text", "記載" },
    [W_BY_ITSELF] = { "the switch, by itself", "スイッチ(自動)" },
    [W_ACT_OTHER] = { "something that this version does not know", "この版では不明な操作" },
    [W_ACT_OPENED] = { "incident opened", "インシデント発生" },
    [W_ACT_GRADED] = { "graded higher", "判定の引き上げ" },
    [W_ACT_QUARANTINED] = { "desktop cut off (quarantine)", "デスクトップを隔離" },
    [W_ACT_RELEASED] = { "released from quarantine", "隔離を解除" },
    [W_ACT_NOTE] = { "note", "メモ" },
    [W_ACT_CLOSED] = { "incident closed", "インシデント終了" },
    [W_ACT_PORT_GONE] = { "desktop deleted, or given to another user",
                          "デスクトップの削除、または別の利用者への割り当て" },
    [W_ACT_CAPTURE] = { "packets captured", "パケットを採取" },
    [W_NO_RESPONSE] = { "Nothing has been done yet.", "まだ何も行われていません。" },

    [W_GRAPH] = { "Whom it tried", "試された相手" },
    [W_GRAPH_SAYS] = { "Every line is an attempt; on it stands the service that was tried.",
                       "線は1件の試みを表し、線上に試されたサービスを示します。" },
    [W_GRAPH_LEGEND] = { "Solid frame: a desktop of this switch.  Dashed frame: any other address.",
                         "実線の枠はこのスイッチのデスクトップ、破線の枠はそれ以外のアドレスです"
                         "。" },
    [W_GRAPH_DESKTOPS] = { "Desktops of this switch: {0}", "このスイッチのデスクトップ: {0}" },
    [W_GRAPH_OTHERS] = { "Other addresses: {0}", "その他のアドレス: {0}" },
    [W_GRAPH_ALL] = { "Addresses: {0}", "相手: {0}" },
    [W_AND_MORE] = { "and {0} more", "他 {0} 件" },
    [W_MORE_SERVICES] = { "+{0} more", "他{0}件" },

    [W_BREAKDOWN] = { "What was tried, counted", "試みの内訳" },
    [W_BY_SERVICE] = { "By service", "サービス別" },
    [W_SERVICE] = { "Service", "サービス" },
    [W_TARGETS] = { "Addresses", "相手の数" },
    [W_PACKETS] = { "Packets", "パケット" },
    [W_MORE_ROWS] = { "{0} more are not listed here; the JSON form of this report has all that are "
                      "kept.",
                      "他 {0} 件はここに示していません。保持されているものはすべて、このレポートの "
                      "J"
                      "SON 形式に含まれます。" },

    [W_BY_RULE] = { "By rule", "ルール別" },
    [W_RULE] = { "Rule or reason", "ルール・理由" },
    [W_MEANS] = { "Meaning", "意味" },
    [W_RECORDS_OF] = { "Packets in records", "記録中のパケット" },
    [W_RULE_OF_POLICY] = { "a rule of the policy that denies", "ポリシーの拒否ルール" },

    [W_BY_SOURCE] = { "By source", "送信元別" },
    [W_SOURCE] = { "Source", "送信元" },
    [W_BY_SOURCE_SAYS] = { "What the packets named as their source, in the records of this report. "
                           " An "
                           "address that is not the desktop's own was forged.",
                           "このレポートの記録にあるパケットの送信元です。デスクトップ自身のもので"
                           "はな"
                           "いアドレスは偽装されたものです。" },

    [W_OWN] = { "Is it the desktop's own?", "デスクトップ自身のものか" },
    [W_OWN_YES] = { "yes", "はい" },
    [W_OWN_NO] = { "no", "いいえ" },

    [W_FLOWS] = { "What had succeeded", "許可されていた通信" },
    [W_FLOWS_NONE] = { "From {0} to {1} UTC, the switch has no connection of this desktop that it "
                       "allowed.",
                       "{0} から {1} UTC "
                       "の間に、このデスクトップに許可された接続の記録はありません。" },
    [W_FLOWS_SUM] = { "From {0} to {1} UTC the desktop was allowed {2}, and sent {3}.  Look here "
                      "for what may have brought the trouble in, and for what may have been taken "
                      "out.",
                      "{0} から {1} UTC の間に、このデスクトップには{2}が許可され、{3} "
                      "を送信しました。問題が持ち込まれた経路と、持ち出された可能性のあるものは、こ"
                      "こから探します。" },
    [W_FLOWS_ONE] = { "1 connection", "1件の接続" },
    [W_FLOWS_MANY] = { "{0} connections", "{0}件の接続" },
    [W_FLOWS_AT_LEAST] = { "There were more than this report has room for: these are lower bounds.",
                           "このレポートに収まらないものがあります。数値はいずれも下限です。" },
    [W_FLOWS_BUDGET] = { "The switch's journal of allowed connections has room for {0} entries and "
                         "holds {1}.  Since the switch started, {2} entries fell out for newer "
                         "ones, "
                         "and {3} connections were not entered.",
                         "許可された接続の台帳の容量は{0}件で、現在{1}"
                         "件あります。スイッチの起動以降、"
                         "新しいものに押し出された記載は{2}件、記載されなかった接続は{3}件です。" },
    [W_FLOWS_OLDEST] = { "It holds nothing from before {0} UTC.",
                         "{0} UTC より前の記載は残っていません。" },
    [W_PEER] = { "Peer", "相手" },
    [W_DIRECTION] = { "Begun by", "開始側" },
    [W_OUT] = { "desktop", "デスクトップ" },
    [W_IN] = { "peer", "相手" },
    [W_ALLOWED_BY] = { "Allowed by", "許可したルール" },
    [W_CONNECTIONS] = { "Connections", "接続" },
    [W_ANSWERED] = { "Answered", "応答あり" },
    [W_BYTES_OUT] = { "Sent", "送信" },
    [W_BYTES_IN] = { "Received", "受信" },
    [W_LAST] = { "Last", "最後" },
    [W_FIRST] = { "First", "最初" },
    [W_WHEN] = { "When", "時刻" },
    [W_FLOWS_ORDER] = { "Those that sent most come first.  'Answered' counts the connections in "
                        "which "
                        "the peer replied.",
                        "送信量の多い順です。「応答あり」は相手が応答した接続の数です。" },

    [W_UNSEEN] = { "What this report does not have", "このレポートに含まれないもの" },
    [W_UNSEEN_NOTHING] = { "Nothing that the switch knows of: every denied packet of this incident "
                           "was "
                           "counted, and has its record.",
                           "スイッチの知る限り、欠けているものはありません。このインシデントで拒否"
                           "された"
                           "パケットはすべて数えられ、記録されています。" },
    [W_UNSEEN_OTHER] = { "{0} of a kind that this version does not know.",
                         "この版では不明な種類の欠落が{0}件あります。" },
    [W_UNSEEN_SUPPRESSED] = { "Denied packets that were counted, but have no record of their own, "
                              "for "
                              "the desktop sent more than its budget of records: {0}.",
                              "数えられたものの個別の記録がない拒否パケット("
                              "デスクトップの記録枠を超えた"
                              "もの): {0}" },
    [W_UNSEEN_LOST] = { "Denied packets that were counted, but have no record, for recording was "
                        "behind: {0}.",
                        "数えられたものの、記録が追いつかず個別の記録がない拒否パケット: {0}" },
    [W_UNSEEN_GAP] = { "Events of the drop log that are no longer held, or were never stored: {0}.",
                       "すでに保持されていない、または保存されなかった記録: {0}" },
    [W_UNSEEN_FLOWS] = { "Allowed connections that fell out of their journal, or are older than "
                         "what "
                         "it holds: {0}.",
                         "台帳から押し出された、または台帳の保持期間より古い許可済みの接続: {0}" },
    [W_UNSEEN_RX_LOST] = { "Packets that the kernel or the driver lost before the switch saw them: "
                           "{0}.",
                           "スイッチに届く前にカーネルまたはドライバーで失われたパケット: {0}" },
    [W_UNSEEN_TARGETS] = { "Addresses and services that were tried beyond those that an incident "
                           "lists: {0}.",
                           "インシデントの一覧に収まらない相手・サービス: {0}" },
    [W_UNSEEN_UNKNOWN] = { "how many is not known", "数は不明" },
    [W_RECORDS_LEFT_OUT] = { "Records between the first and the last ones, which the switch's drop "
                             "log "
                             "has, but not this report: {0}.",
                             "最初と最後の記録の間にあり、スイッチの記録には残っているもののこのレ"
                             "ポートに"
                             "は載せていないもの: {0}" },

    [W_BY_DESTINATION] = { "By destination", "宛先別" },
    [W_ADDRESS] = { "Address", "アドレス" },
    [W_SERVICES] = { "Services", "サービス" },
    [W_RULES] = { "Denied by", "拒否した理由" },

    [W_RECORDS] = { "The records", "記録" },
    [W_RECORDS_SAYS] = { "Each stands for the first packet of what was denied, or for repeats of "
                         "it.  "
                         "Below each: what the packet says, and its first bytes from the network "
                         "layer "
                         "on.",
                         "各行は、拒否された通信の最初のパケット、またはその繰り返しを表します。下"
                         "段はパ"
                         "ケットの内容と、ネットワーク層からの先頭部分です。" },
    [W_RECORDS_NONE] = { "The switch holds no record of this incident any more.",
                         "このインシデントの記録は、スイッチに残っていません。" },
    [W_DESTINATION] = { "Destination", "宛先" },
    [W_WHY] = { "Denied by", "拒否した理由" },
    [W_COUNT] = { "Packets", "パケット" },
    [W_PACKET] = { "The packet", "パケットの内容" },

    [W_KEYS] = { "Keys for other logs", "他の製品のログを調べるための手がかり" },
    [W_KEYS_SAYS] = { "Look for these in the logs of proxies, mail, directories and endpoint "
                      "security.  "
                      "'swctl incident pivot {0} -o csv' has all of them for a machine to read.",
                      "プロキシ、メール、ディレクトリ、エンドポイント製品などのログをこれらで検索し"
                      "ます。機"
                      "械で読める一覧は「swctl incident pivot {0} -o csv」で得られます。" },
    [W_INTERVAL] = { "Interval (UTC)", "期間(UTC)" },
    [W_PEERS] = { "Addresses tried", "試された相手" },

    [W_GUIDE] = { "How to read this report", "このレポートの読み方" },
    [W_GUIDE_WHAT] = { "Fusuma is a virtual switch for machines that run virtual desktops.  It "
                       "gives "
                       "every desktop a firewall of its own.  Desktops have no business with each "
                       "other, so a desktop that tries to reach another one is a sign of malware, "
                       "or of "
                       "somebody who looks around.  The first such attempt opens an incident; what "
                       "the "
                       "same desktop tries after that is added to it.",
                       "Fusuma "
                       "は、仮想デスクトップを動かすホストのための仮想スイッチです。デスクトップご"
                       "と"
                       "に専用のファイアウォールを備えます。デスクトップ同士が通信する必要はないた"
                       "め、他のデ"
                       "スクトップへの接続の試みは、マルウェアや内部を探る行為の兆候です。最初の試"
                       "みでインシ"
                       "デントが発生し、同じデスクトップのその後の試みはそこに加えられます。" },
    [W_GUIDE_TIMES] = { "All times are in UTC.  A time without a date is of {0}.",
                        "時刻はすべて UTC です。日付のない時刻は {0} のものです。" },
    [W_TERM_DENIED] = { "Denied", "拒否" },
    [W_TERM_DENIED_MEANS] = { "The packet was dropped at the desktop's own port.  It did not reach "
                              "anybody.",
                              "パケットはデスクトップ自身のポートで破棄され、誰にも届いていません"
                              "。" },
    [W_TERM_SERVICE_MEANS] = { "What was asked for: protocol and port, with the usual name.  "
                               "tcp/445 "
                               "smb is file sharing, tcp/3389 rdp is remote desktop.  arp is a "
                               "question "
                               "for who has an address.",
                               "要求された内容を、プロトコルとポート番号、通称で示します。tcp/445 "
                               "smb はファイ"
                               "ル共有、tcp/3389 rdp はリモートデスクトップです。arp "
                               "は、あるアドレスを誰が持つか"
                               "という問い合わせです。" },
    [W_TERM_RULE_MEANS] = { "The rule of the policy that denied it, by its id, or the reason where "
                            "no "
                            "rule was needed.",
                            "拒否したポリシーのルールの "
                            "ID、またはルールによらない場合はその理由です。" },
    [W_TERM_QUARANTINE_MEANS] = { "The desktop is cut off: nothing passes from it or to it until "
                                  "it is "
                                  "released.",
                                  "デスクトップを切り離した状態です。解除するまで、送受信とも一切通"
                                  "りません。" },
    [W_TERM_RECORD_MEANS] = { "A line in the switch's log of denied packets.",
                              "拒否されたパケットについての、スイッチのログの1行です。" },
    [W_TERM_ALLOWED] = { "Allowed", "許可" },
    [W_TERM_ALLOWED_MEANS] = { "The policy let the connection pass.  Whether it was harmless, the "
                               "switch cannot tell.",
                               "ポリシーが接続を通したことを表します。無害だったかどうかは、スイッ"
                               "チには分かりま"
                               "せん。" },
    [W_GUIDE_SEVERITY] = { "Severity", "深刻度" },
    [W_GUIDE_ODD] = { "Characters that cannot be seen, or that turn text around, are shown by "
                      "number, "
                      "such as [U+202E].  Names and notes are as people or machines gave them.",
                      "見えない文字や文字の向きを変える文字は [U+202E] "
                      "のように番号で示します。名前やメモは、入力"
                      "されたとおりに示しています。" },

    [W_DIGEST] = { "SHA-256 of every line of this file before this one:",
                   "このファイルの、この行より前のすべての行の SHA-256:" },
    [W_SENTENCE_GAP] = { " ", "" },
};

const char *
word(enum word w, enum report_language language)
{
    return words[w][language];
}

char *
phrase_of(enum report_language language, enum word w, ...)
{
    const char *arguments[MAX_ARGUMENTS + 1] = { NULL };
    struct ds s = DS_EMPTY_INITIALIZER;
    size_t n = 0;
    va_list args;

    va_start(args, w);
    while (n < MAX_ARGUMENTS && (arguments[n] = va_arg(args, const char *))) {
        n++;
    }
    va_end(args);
    ds_put_cstr(&s, "");
    for (const char *p = word(w, language); *p; p++) {
        if (p[0] == '{' && p[1] >= '0' && p[1] < '0' + (int) n && p[2] == '}') {
            ds_put_cstr(&s, arguments[p[1] - '0']);
            p += 2;
        } else {
            ds_put_char(&s, *p);
        }
    }
    return ds_steal_cstr(&s);
}
