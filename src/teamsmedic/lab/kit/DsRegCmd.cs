// dsregcmd.exe, which Wine lacks: `/status`, in the form that Microsoft documents
// (https://learn.microsoft.com/entra/identity/devices/troubleshoot-device-dsregcmd), as seen by whoever asks:
// the administrator over WinRM (no PRT, WamDefaultSet an error, KeySignTest runs), SYSTEM, or a desk user (a PRT, no KeySignTest).
// HKLM\SOFTWARE\Lab\Dsregcmd tells what the device is like: Join = hybrid | entra | registered | domain | none (else: hybrid, a
// Room entra), KeySignTest, DeviceId, Delay (milliseconds), and Administrator, System, User: a whole text instead.
using System;
using System.IO;
using System.Text;
using System.Threading;
using Microsoft.Win32;

internal static class Program
{
    static readonly StringBuilder text = new StringBuilder();

    static string Told(string name)
    {
        using (RegistryKey key = Registry.LocalMachine.OpenSubKey(@"SOFTWARE\Lab\Dsregcmd"))
        {
            object value = key == null ? null : key.GetValue(name);
            return value == null ? null : value.ToString();
        }
    }

    static void Section(string title)
    {
        string line = "+" + new string('-', 70) + "+\r\n";
        text.Append((text.Length > 0 ? "\r\n" : "") + line + "| " + title.PadRight(69) + "|\r\n" + line + "\r\n");
    }

    static void Field(string name, string value)
    {
        text.Append(name.PadLeft(26) + " : " + value + "\r\n");
    }

    static int Main(string[] arguments)
    {
        string sid = Environment.GetEnvironmentVariable("LAB_USER_SID") ?? "";
        string who = sid == "" ? "Administrator" : sid == "S-1-5-18" ? "System" : "User";
        string delay = Told("Delay"), whole = Told(who), join = Told("Join");
        if (delay != null) Thread.Sleep(int.Parse(delay));
        if (Array.IndexOf(arguments, "/status") < 0) return 1;
        if (join == null) join = Directory.Exists(@"C:\Rigel") ? "entra" : "hybrid";
        if (whole == null) { Write(who, join); whole = text.ToString(); }
        Console.Write(whole);
        return 0;
    }

    static void Write(string who, string join)
    {
        bool entra = join == "hybrid" || join == "entra", domain = join == "hybrid" || join == "domain", desk = who == "User";
        string tenant = "5f0d2a6e-1111-4222-8333-9a0b1c2d3e4f", valid = "[ 2025-02-03 09:14:07.000 UTC -- 2035-02-03 09:44:07.000 UTC ]";

        Section("Device State");
        Field("AzureAdJoined", entra ? "YES" : "NO");
        Field("EnterpriseJoined", "NO");
        Field("DomainJoined", domain ? "YES" : "NO");
        if (domain) Field("DomainName", "CONTOSO");
        Field("Virtual Desktop", "NOT SET");
        Field("Device Name", domain ? "LT-0417.corp.contoso.example" : "LT-0417");
        if (entra)
        {
            Section("Device Details");
            Field("DeviceId", Told("DeviceId") ?? "0b7c7a52-aaaa-4bbb-8ccc-1234567890ab");
            Field("Thumbprint", "A1B2C3D4E5F60718293A4B5C6D7E8F9012345678");
            Field("DeviceCertificateValidity", valid);
            Field("KeyContainerId", "3d1f0c55-1212-4343-9898-0f0e0d0c0b0a");
            Field("KeyProvider", "Microsoft Platform Crypto Provider");
            Field("TpmProtected", "YES");
            Field("DeviceAuthStatus", "SUCCESS");
            Section("Tenant Details");
            Field("TenantName", domain ? "" : "Contoso Demo");
            Field("TenantId", tenant);
            Field("Idp", "login.windows.net");
            Field("MdmUrl", "https://enrollment.manage.microsoft.com/enrollmentserver/discovery.svc");
            Field("JoinSrvUrl", "https://enterpriseregistration.windows.net/EnrollmentServer/device/");
        }
        Section("User State");
        Field("NgcSet", "NO");
        Field("WorkplaceJoined", join == "registered" && desk ? "YES" : "NO");
        if (join == "registered" && desk) Field("WorkAccountCount", "1");
        // 1312 on a network logon, as with the vault.
        Field("WamDefaultSet", desk && entra ? "YES" : entra ? "ERROR (0x80070520)" : "NO");
        Section("SSO State");
        Field("AzureAdPrt", desk && entra ? "YES" : "NO");
        if (desk && entra)
        {
            Field("AzureAdPrtUpdateTime", "2026-09-14 06:52:31.000 UTC");
            Field("AzureAdPrtExpiryTime", "2026-09-28 06:52:30.000 UTC");
        }
        Field("AzureAdPrtAuthority", desk && entra ? "https://login.microsoftonline.com/" + tenant : "NO");
        Field("EnterprisePrt", "NO");
        Field("EnterprisePrtAuthority", entra ? "" : "NO");
        if (join == "registered" && desk)
        {
            Section("Work Account 1");
            Field("WorkplaceDeviceId", "9e8d7c6b-5a49-4838-a726-150403020100");
            Field("WorkplaceTenantId", tenant);
            Field("NgcSet", "NO");
        }
        Section("Diagnostic Data");
        if (entra)
        {
            // Printed like this, without a blank before the colon.
            text.Append("         AadRecoveryEnabled: NO\r\n");
            Field("Executing Account Name", Environment.GetEnvironmentVariable("USERDOMAIN") + "\\" + Environment.GetEnvironmentVariable("USERNAME"));
            Field("KeySignTest", desk ? "MUST Run elevated to test." : Told("KeySignTest") ?? "PASSED");
        }
        else if (domain)
        {
            Field("Diagnostics Reference", "www.microsoft.com/aadjerrors");
            Field("User Context", who == "System" ? "SYSTEM" : desk ? "UN-ELEVATED User" : "ELEVATED User");
            Field("DRS Discovery Test", "FAIL [0x801c0021/0x80072ee2]");
            Field("Error Phase", "discover");
            Field("Client ErrorCode", "0x801c0021");
        }
        text.Append("\r\nFor more information, please visit https://www.microsoft.com/aadjerrors\r\n");
    }
}
