// A program that runs until it is ended: the lab copies it to any image path, so that scripts meet real processes.
using System;
using System.Threading;

internal static class Program
{
    static int Main()
    {
        Console.Out.Write(Environment.ProcessId + "\n");    // the lab waits for this line
        Console.Out.Flush();
        Thread.Sleep(Timeout.Infinite);
        return 0;
    }
}
