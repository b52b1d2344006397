// What a start and a shutdown of a device do, in one program, because a start of PowerShell would take four times as long.
//   labboot.exe up NAME [SID...]   the device's name; the hives of those who are logged on and SYSTEM's appear below HKEY_USERS
//   labboot.exe down               hives go back into their files; the end of the Wine server follows
using System;
using Microsoft.Win32;

internal static class Program
{
    const string Profiles = @"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";
    const string Control = @"SYSTEM\CurrentControlSet\Control";

    static int Main(string[] arguments)
    {
        LabHive.Enable(LabHive.Restore, true);
        return arguments[0] == "up" ? Up(arguments) : Down();
    }

    static int Up(string[] arguments)
    {
        // Wine writes the name of the machine that it runs on there at each start; every process takes COMPUTERNAME from it.
        using (RegistryKey name = Registry.LocalMachine.CreateSubKey(Control + @"\ComputerName\ActiveComputerName", true, RegistryOptions.Volatile))
            name.SetValue("ComputerName", arguments[1]);
        using (RegistryKey tcp = Registry.LocalMachine.CreateSubKey(@"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"))
        {
            tcp.SetValue("Hostname", arguments[1]);
            tcp.SetValue("NV Hostname", arguments[1]);
        }
        // Wine keeps this key, which Windows makes anew.
        Registry.LocalMachine.DeleteSubKey(Control + @"\hivelist", false);
        for (int i = 2; i < arguments.Length; i++)
        {
            string sid = arguments[i];
            string path = (string)Registry.GetValue(@"HKEY_LOCAL_MACHINE\" + Profiles + @"\" + sid, "ProfileImagePath", null);
            int error = LabHive.Load(LabHive.Users, sid, path + @"\NTUSER.DAT");
            if (error != 0) return Say("hive of " + sid, error);
        }
        using (RegistryKey system = Registry.Users.OpenSubKey("S-1-5-18"))
            return system != null ? 0 : Say("link of S-1-5-18", LabHive.Link("S-1-5-18", @"\Registry\User\.Default"));
    }

    static int Down()
    {
        int result = 0;
        using (RegistryKey list = Registry.LocalMachine.OpenSubKey(Control + @"\hivelist"))
        {
            if (list == null) return 0;
            foreach (string entry in list.GetValueNames())
                if (entry.StartsWith(@"\REGISTRY\USER\", StringComparison.OrdinalIgnoreCase))
                    result |= Say(entry, LabHive.Save(LabHive.Users, entry.Substring(entry.LastIndexOf('\\') + 1), (string)list.GetValue(entry)));
        }
        return result;
    }

    static int Say(string what, int error)
    {
        if (error != 0) Console.Error.WriteLine(what + ": error " + error);
        return error;
    }
}
