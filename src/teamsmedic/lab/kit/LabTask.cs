// What the stand-in for the module ScheduledTasks needs below PowerShell: a start that shares nothing, a result that stays.
using System;
using System.Collections;
using System.Collections.Generic;
using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using Microsoft.Win32;

public static class LabTask
{
    public const string Root = @"SOFTWARE\Lab\Tasks";
    const int Detached = 0x8, UnicodeEnvironment = 0x400;

    [StructLayout(LayoutKind.Sequential)] struct StartupInfo { public int Size; IntPtr a, b, c; int d, e, f, g, h, i, j; public int Flags; short k, l; IntPtr m, n, o, p; }
    [StructLayout(LayoutKind.Sequential)] struct Started { public IntPtr Process, Thread; public int ProcessId, ThreadId; }
    [DllImport("kernel32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    static extern bool CreateProcessW(string program, StringBuilder commandLine, IntPtr a, IntPtr b, bool inherit, int flags, byte[] environment, string directory, ref StartupInfo info, out Started started);
    [DllImport("kernel32.dll")] static extern bool CloseHandle(IntPtr handle);
    [DllImport("kernel32.dll")] static extern bool TerminateProcess(IntPtr process, int code);

    static Timer limit;    // a field, so that the collector leaves it alone

    // Starts a program that shares no handle with this process: a task must not hold the pipes of a PSRP session.
    public static int Start(string program, string arguments, string directory, IDictionary environment)
    {
        List<string> lines = new List<string>();
        foreach (DictionaryEntry e in environment) lines.Add(e.Key + "=" + e.Value);
        lines.Sort(StringComparer.OrdinalIgnoreCase);
        byte[] block = Encoding.Unicode.GetBytes(string.Join("\0", lines.ToArray()) + "\0\0");
        StartupInfo info = new StartupInfo();
        info.Size = Marshal.SizeOf(typeof(StartupInfo));
        Started started;
        if (!CreateProcessW(program, new StringBuilder("\"" + program + "\" " + arguments), IntPtr.Zero, IntPtr.Zero, false, Detached | UnicodeEnvironment, block, directory, ref info, out started))
            throw new Win32Exception(Marshal.GetLastWin32Error());
        CloseHandle(started.Process);
        CloseHandle(started.Thread);
        return started.ProcessId;
    }

    // In the task itself, which starts late: its exit code outlives it, whoever started it; a time limit is kept.
    // Behind `conhost --headless` it is 0, whatever the program ends with.
    internal static void Report(string task, string seconds, string late, bool headless)
    {
        int wait;
        if (int.TryParse(late, out wait)) Thread.Sleep(wait);
        Write(task, 267009);
        AppDomain.CurrentDomain.ProcessExit += delegate { Write(task, headless ? 0 : Environment.ExitCode); };
        int most;
        if (int.TryParse(seconds, out most) && most > 0)
            limit = new Timer(delegate { Write(task, 267014); TerminateProcess((IntPtr)(-1), 267014); }, null, most * 1000L, -1);
    }

    static void Write(string task, int result)
    {
        using (RegistryKey key = Registry.LocalMachine.OpenSubKey(Root + "\\" + task, true))
            if (key != null) key.SetValue("LastTaskResult", result, RegistryValueKind.DWord);
    }
}
