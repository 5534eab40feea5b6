/* What the reasons of telemetry/reasons.h mean, for people who have not seen the switch. */
#include <config.h>

#include <string.h>

#include "report/words.h"
#include "util.h"

static const struct {
    const char *name;
    const char *means[N_REPORT_LANGUAGES];
} reasons[] = {
    { "default-egress", { "no rule allows the desktop to send it", "送信を許可するルールがない" } },
    { "default-ingress",
      { "no rule allows the target to receive it", "相手側の受信を許可するルールがない" } },
    { "egress-default", { "no rule allows the desktop to send it", "送信を許可するルールがない" } },
    { "ingress-default",
      { "no rule allows the target to receive it", "相手側の受信を許可するルールがない" } },
    { "egress-rule", { "a rule of the desktop denies it", "デスクトップ側のルールによる拒否" } },
    { "ingress-rule", { "a rule of the target denies it", "相手側のルールによる拒否" } },
    { "quarantine", { "the desktop is in quarantine", "デスクトップが隔離中" } },
    { "quarantine-peer", { "the target is in quarantine", "相手が隔離中" } },
    { "decoy", { "the target is a decoy: nobody has it", "おとりのアドレス(誰も使っていない)" } },
    { "no-policy", { "there is no policy yet", "ポリシーが未設定" } },
    { "would-drop", { "let through: the policy is in audit mode", "通過: ポリシーが監査モード" } },
    { "probe",
      { "asked who has an address that it may not reach (answered by the switch)",
        "到達を許可されていないアドレスの持ち主の問い合わせ(スイッチが応答)" } },
    { "malformed", { "a header is cut short or lies about lengths", "ヘッダーが不正" } },
    { "ethertype", { "neither IPv4, IPv6 nor ARP", "IPv4、IPv6、ARP のいずれでもない" } },
    { "vlan", { "a VLAN, or tags, that the port does not take", "受け付けない VLAN またはタグ" } },
    { "fragment",
      { "a fragment that lacks headers, or is not allowed",
        "ヘッダーが欠けた、または許されない断片" } },
    { "frag-overlap", { "fragments that overlap", "重なり合う断片" } },
    { "frag-timeout",
      { "fragments that did not become whole in time", "時間内に揃わなかった断片" } },
    { "frag-limit", { "more fragments than a port may have", "断片が上限を超過" } },
    { "ipv6-ext",
      { "an IPv6 extension chain without a known end", "終わりの分からない IPv6 拡張ヘッダー" } },
    { "source-route", { "it says itself which way it is to be routed", "送信元による経路指定" } },
    { "land", { "source and destination are the same", "送信元と宛先が同一" } },
    { "spoof-mac", { "a forged MAC address", "MAC アドレスの偽装" } },
    { "spoof-ip", { "a forged IP address", "IP アドレスの偽装" } },
    { "spoof-arp", { "claims another's address by ARP", "ARP による他者のアドレスの詐称" } },
    { "spoof-nd",
      { "claims another's address by neighbour discovery", "近隣探索による他者のアドレスの詐称" } },
    { "spoof-dhcp", { "a DHCP request in another's name", "他者を装った DHCP 要求" } },
    { "dhcp-server",
      { "a desktop acts as DHCP server", "デスクトップが DHCP サーバーとして動作" } },
    { "mcast-query",
      { "a desktop acts as multicast router", "デスクトップがマルチキャストルーターとして動作" } },
    { "mcast-invalid", { "IGMP or MLD that is not valid", "不正な IGMP または MLD" } },
    { "ra", { "a desktop acts as router", "デスクトップがルーターとして動作" } },
    { "tcp-state", { "TCP outside of any connection", "どの接続にも属さない TCP" } },
    { "tcp-flags", { "TCP flags that no system sends", "通常あり得ない TCP フラグ" } },
    { "tcp-sequence",
      { "TCP numbers outside of the connection's bounds", "接続の範囲外の TCP シーケンス番号" } },
    { "icmp-unrelated",
      { "an ICMP error about no connection", "どの接続とも関係のない ICMP エラー" } },
    { "learn-limit",
      { "more leases at once than are taken in", "一度に処理できるリース数を超過" } },
    { "conn-quota",
      { "the desktop has all the connections that it may have", "デスクトップの接続数の上限" } },
    { "conn-full", { "the connection table is full", "接続テーブルが満杯" } },
    { "misaddressed",
      { "the IP address is not that of the MAC address",
        "宛先の IP アドレスと MAC アドレスの不一致" } },
    { "hairpin", { "it would go back where it came from", "送信元のポートに戻る宛先" } },
    { "no-destination", { "no port to send it to", "送り先のポートがない" } },
    { "checksum", { "a checksum is wrong", "チェックサムの誤り" } },
    { "storm", { "more broadcasts than the port may send", "ブロードキャストなどの上限を超過" } },
    { "no-buffer", { "no buffer for a copy", "複製用のバッファー不足" } },
    { "none", { "not dropped", "破棄されていない" } },
};

const char *
reason_means(const char *reason, enum report_language language)
{
    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
        if (!strcmp(reason, reasons[i].name)) {
            return reasons[i].means[language];
        }
    }
    return NULL;
}
