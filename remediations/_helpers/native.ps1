# Functions of Windows that no class of .NET offers, without a compiler: Add-Type of Windows PowerShell starts csc.exe, which
# takes a second and writes to %TEMP%. It only makes them callable, for one payload: a process that serves several declares
# them again.
#
#   Get-TMNative -Name NAME -Function BLOCK   -> a type with a static method for each entry of the table that the block gives
#   Get-TMNativeError -Failure N [-Path P]    -> an error of Windows, by its number, to be thrown
#
# The table: name of a function = its library, the type of its result, the types of its parameters. A method has one parameter
# more, [ref] to an int: the error of Windows, taken at once, because what PowerShell does between two statements may set it.
function Get-TMNative {
    param([string] $Name, [scriptblock] $Function)
    if ($null -ne $TM["native.$Name"]) { return $TM["native.$Name"] }
    $assembly = New-Object -TypeName 'System.Reflection.AssemblyName' -ArgumentList "TMNative$Name"
    $module = [System.Reflection.Emit.AssemblyBuilder]::DefineDynamicAssembly($assembly, [System.Reflection.Emit.AssemblyBuilderAccess]::Run).DefineDynamicModule("TMNative$Name")
    $type = $module.DefineType("TMNative$Name", [System.Reflection.TypeAttributes]'Public, Abstract, Sealed')
    $import = [System.Runtime.InteropServices.DllImportAttribute]
    $named = $import.GetConstructor([type[]]@([string]))
    $options = [System.Reflection.FieldInfo[]]@($import.GetField('CharSet'), $import.GetField('SetLastError'))
    $given = [object[]]@([System.Runtime.InteropServices.CharSet]::Unicode, $true)
    foreach ($entry in (& $Function).GetEnumerator()) {
        $result = $entry.Value[1]
        $types = [type[]]@($entry.Value | Select-Object -Skip 2)
        $own = $type.DefineMethod($entry.Key, [System.Reflection.MethodAttributes]'Private, Static', $result, $types)
        $own.SetCustomAttribute((New-Object -TypeName 'System.Reflection.Emit.CustomAttributeBuilder' -ArgumentList $named, @($entry.Value[0]), $options, $given))
        $own.SetImplementationFlags([System.Reflection.MethodImplAttributes]::PreserveSig)
        $method = $type.DefineMethod($entry.Key, [System.Reflection.MethodAttributes]'Public, Static', $result, [type[]]($types + [int].MakeByRefType()))
        $code = $method.GetILGenerator()
        for ($at = 0; $at -lt $types.Count; $at++) { $code.Emit([System.Reflection.Emit.OpCodes]::Ldarg, [int16]$at) }
        $code.Emit([System.Reflection.Emit.OpCodes]::Call, $own)
        $code.Emit([System.Reflection.Emit.OpCodes]::Ldarg, [int16]$types.Count)
        $code.Emit([System.Reflection.Emit.OpCodes]::Call, [System.Runtime.InteropServices.Marshal].GetMethod('GetLastWin32Error'))
        $code.Emit([System.Reflection.Emit.OpCodes]::Stind_I4)
        $code.Emit([System.Reflection.Emit.OpCodes]::Ret)
    }
    $TM["native.$Name"] = $type.CreateType()
    $TM["native.$Name"]
}

function Get-TMNativeError {
    param([int] $Failure, [string] $Path = '')
    $given = @($Failure)
    if ($Path) { $given += "error $Failure of Windows at $Path" }
    New-Object -TypeName 'System.ComponentModel.Win32Exception' -ArgumentList $given
}
