// What Wine's WMI and ntdll do not tell of other processes, read where Windows reads it: in the process itself.
using System;
using System.Runtime.InteropServices;
using System.Text;

public static class LabProcess
{
    [DllImport("kernel32.dll")] static extern IntPtr OpenProcess(int access, bool inherit, int id);
    [DllImport("kernel32.dll")] static extern bool CloseHandle(IntPtr handle);
    [DllImport("kernel32.dll")] static extern bool ReadProcessMemory(IntPtr process, IntPtr address, byte[] data, IntPtr size, out IntPtr count);
    [DllImport("kernel32.dll", CharSet = CharSet.Unicode)] static extern bool QueryFullProcessImageNameW(IntPtr process, int flags, StringBuilder name, ref int size);
    [DllImport("ntdll.dll")] static extern int NtQueryInformationProcess(IntPtr process, int kind, byte[] data, int length, IntPtr needed);

    public static string ExecutablePath(int id)
    {
        IntPtr process = OpenProcess(0x1000, false, id);
        StringBuilder name = new StringBuilder(1024);
        int size = name.Capacity;
        bool known = process != IntPtr.Zero && QueryFullProcessImageNameW(process, 0, name, ref size);
        CloseHandle(process);
        return known ? name.ToString() : null;
    }

    public static string CommandLine(int id)
    {
        IntPtr process = OpenProcess(0x1000, false, id);
        byte[] basic = new byte[48];
        bool known = process != IntPtr.Zero && NtQueryInformationProcess(process, 0, basic, basic.Length, IntPtr.Zero) == 0;
        CloseHandle(process);
        return known ? Line(id, BitConverter.ToInt64(basic, 8)) : null;
    }

    // PEB.ProcessParameters.CommandLine. A handle of our own: the caller's need not allow reading, Windows asks for less as well.
    internal static string Line(int id, long block)
    {
        IntPtr process = OpenProcess(0x410, false, id);
        byte[] parameters = Read(process, block + 0x20, 8);
        byte[] line = parameters == null ? null : Read(process, BitConverter.ToInt64(parameters, 0) + 0x70, 16);
        byte[] text = line == null ? null : Read(process, BitConverter.ToInt64(line, 8), BitConverter.ToUInt16(line, 0));
        CloseHandle(process);
        return text == null ? null : Encoding.Unicode.GetString(text);
    }

    static byte[] Read(IntPtr process, long address, int size)
    {
        byte[] data = new byte[size];
        IntPtr count;
        return ReadProcessMemory(process, (IntPtr)address, data, (IntPtr)size, out count) && count == (IntPtr)size ? data : null;
    }
}
